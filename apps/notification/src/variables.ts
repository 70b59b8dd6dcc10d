import { z } from 'zod';

export const NotificationVariables = z.object({
  /** Without it, letters become files in `MAIL_DIR`. */
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'a URL like smtp://user:password@host:587' }).optional(),
  MAIL_DIR: z.string().default('.farandole/mail'),
  MAIL_FROM: z
    .string()
    .regex(/^([^<>@\r\n]+<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/, 'a sender like Farandole <orders@example.com>')
    .default('Farandole <orders@farandole.example>'),
});
export type NotificationVariables = z.output<typeof NotificationVariables>;
