import { Module } from '@nestjs/common';
import { Accounts } from './accounts.js';
import { LoginController } from './login.controller.js';

@Module({ controllers: [LoginController], providers: [Accounts], exports: [Accounts] })
export class AccountsModule {}
