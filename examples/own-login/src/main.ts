import { NestFactory } from '@nestjs/core';
import { setupSwitchboard } from 'switchboard-gateway';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
setupSwitchboard(app);
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
