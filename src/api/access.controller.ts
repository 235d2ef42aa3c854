import { Body, Delete, HttpCode, Param, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { RevocationService } from '../access/revocation.service.js';
import { userName } from '../protocol/names.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { userPath } from './schemas.js';

const seconds = z.number().min(0).max(8_640_000_000_000);
const expiresAt = seconds
  .optional()
  .meta({ description: 'When the tokens expire by themselves, as `exp`; without it they stay revoked' });

export const revokeRequest = z
  .union([
    z.strictObject({ jti: z.string().min(1).max(256), expiresAt }),
    z.strictObject({
      user: userName,
      issuedBefore: seconds.meta({ description: 'Seconds since 1970, as `iat`' }),
      expiresAt,
    }),
  ])
  .meta({ id: 'RevokeRequest' });

@ApiController('Access', 'v1')
export class AccessController {
  constructor(private readonly shutOut: RevocationService) {}

  @Put('users/:user/block')
  @HttpCode(204)
  @ApiRoute('manage', 'Block a user and end its sockets', { 204: 'It is blocked' })
  async block(@Param({ schema: userPath }) { user }: z.output<typeof userPath>): Promise<void> {
    await this.shutOut.block(user);
  }

  @Delete('users/:user/block')
  @HttpCode(204)
  @ApiRoute('manage', 'Unblock a user', { 204: 'It is not blocked' })
  async unblock(@Param({ schema: userPath }) { user }: z.output<typeof userPath>): Promise<void> {
    await this.shutOut.unblock(user);
  }

  @Post('tokens/revoke')
  @HttpCode(204)
  @ApiRoute('manage', 'Revoke a token, or all that a user was given before a time', { 204: 'Revoked' })
  async revoke(@Body({ schema: revokeRequest }) request: z.output<typeof revokeRequest>): Promise<void> {
    await this.shutOut.revoke(request);
  }
}
