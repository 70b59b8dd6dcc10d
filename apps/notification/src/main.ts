import { runService } from '#libs/service';
import { NotificationModule } from './notification.module.js';

await runService(NotificationModule);
