/**
 * Asks the issuer of this container whether it lives (`healthz`) or can serve (`readyz`); ends with 0 or 1. It asks the address that
 * the settings name, this machine's otherwise, and looks at no certificate: the two are one container, and nothing is told.
 */
import { request as ask } from 'node:http';
import { request as askByTls } from 'node:https';

const { TOOLGRANT_HOST = '0.0.0.0', TOOLGRANT_PORT = '4000', TOOLGRANT_TLS_CERT } = process.env;
const bare = TOOLGRANT_HOST.replace(/^\[(.*)\]$/, '$1');
const hostname = { '0.0.0.0': '127.0.0.1', '::': '::1' }[bare] ?? bare;
const send = TOOLGRANT_TLS_CERT ? askByTls : ask;

const fail = () => process.exit(1);
send({ hostname, port: TOOLGRANT_PORT, path: `/${process.argv[2] ?? 'healthz'}`, rejectUnauthorized: false, timeout: 4_000 })
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', fail)
  .on('error', fail)
  .end();
