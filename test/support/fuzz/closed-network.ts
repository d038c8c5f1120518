/**
 * Loaded into the issuer's process (`--import`): nothing it does reaches beyond this machine. Every connection it tries is written to
 * CLOSED_NETWORK_FILE, one a line; those to loopback addresses and sockets of files are made, all others fail as without a route.
 * Names are never looked up: each has one public address, but `name-of-loopback.example`, which has 127.0.0.1.
 */
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const file = process.env['CLOSED_NETWORK_FILE'];

if (file !== undefined) {
  const addressOf = (name: string) => (name === 'name-of-loopback.example' ? '127.0.0.1' : '93.184.215.14');
  dns.promises.Resolver.prototype.resolve4 = (async (name: string) => [addressOf(name)]) as never;
  dns.promises.Resolver.prototype.resolve6 = (async () => []) as never;
  const lookUpBySystem = dns.promises.lookup;
  dns.promises.lookup = (async (name: string, options: never) =>
    name === 'localhost' ? lookUpBySystem(name, options) : [{ address: addressOf(name), family: 4 }]) as never;

  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const [options] = args.flat() as [{ host?: string; port?: number; path?: string }];
    if (typeof options !== 'object' || options?.path !== undefined) return connect.apply(this, args as never);
    const { lookup } = options as { lookup?: net.LookupFunction };
    const { host = 'localhost', port } = options;
    // A name is looked up first, as the caller says; what is connected to is the address.
    const go = (address: string) => {
      appendFileSync(file, `${address} ${port}\n`);
      if (/^(?:127\.|::1$|::ffff:127\.)/.test(address)) connect.call(this, { ...options, host: address } as never);
      else this.destroy(Object.assign(new Error('no route'), { code: 'ENETUNREACH' }));
    };
    if (net.isIP(host) !== 0 || host === 'localhost') queueMicrotask(() => go(host === 'localhost' ? '127.0.0.1' : host));
    else if (!lookup) this.destroy(new Error(`${host} is looked up by nobody here`));
    else {
      lookup(host, { all: false } as never, (error, address) => {
        if (error) this.destroy(error);
        else go(String(address));
      });
    }
    return this;
  } as never;
  syncBuiltinESMExports();
}
