import { Module } from '@nestjs/common';
import { Breakers, Service, Variables } from '#libs/service';
import { FilePost } from './file-post.js';
import { Mailer } from './mailer.js';
import { CreateCorrespondence1700000000300 } from './migrations/create-correspondence.js';
import { NotificationController } from './notification.controller.js';
import { NotificationReactions } from './notification.reactions.js';
import { Notifications } from './notification.store.js';
import { POST } from './post.js';
import { SmtpPost } from './smtp-post.js';
import { NotificationVariables } from './variables.js';

@Service({
  name: 'notification',
  title: 'Notification',
  port: 3005,
  perKey: true,
  lingerMs: 100,
  migrations: [CreateCorrespondence1700000000300],
  variables: NotificationVariables,
})
@Module({
  controllers: [NotificationController, NotificationReactions],
  providers: [
    Notifications,
    Mailer,
    {
      provide: POST,
      inject: [Variables.token, Breakers],
      useFactory: ({ SMTP_URL, MAIL_DIR }: NotificationVariables, breakers: Breakers) =>
        SMTP_URL === undefined ? new FilePost(MAIL_DIR) : new SmtpPost(SMTP_URL, breakers),
    },
  ],
})
export class NotificationModule {}
