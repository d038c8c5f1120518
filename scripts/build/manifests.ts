import { readFileSync } from 'node:fs';

/** The checkout's own package.json, as far as the published ones are made from it. */
interface Checkout {
  version: string;
  description: string;
  license: string;
  exports: Record<string, string>;
  dependencies: Record<string, string>;
}

const checkout = JSON.parse(readFileSync('package.json', 'utf8')) as Checkout;

/** What both packages say alike. */
const common = { version: checkout.version, license: checkout.license, type: 'module' };

/** The package.json of `toolgrant`: the checkout's run-time dependencies, exact as they are there, and nothing for development. */
export const productManifest = {
  name: 'toolgrant',
  ...common,
  description: checkout.description,
  keywords: ['oauth2', 'openid-connect', 'mcp', 'authorization-server'],
  engines: { node: '>=24' },
  bin: { toolgrant: 'lib/main.js' },
  exports: { ...doors('./resource-server', './lib/resource-server'), './package.json': './package.json' },
  files: ['lib', 'views', 'prisma', 'docs', 'CHANGELOG.md', 'npm-shrinkwrap.json'],
  dependencies: checkout.dependencies,
};

/** The package.json of `@toolgrant/resource-server`: `jose` alone; what else stands there says for which versions its doors are. */
export const libraryManifest = {
  name: '@toolgrant/resource-server',
  ...common,
  description:
    'Lets an MCP server accept the access tokens of Toolgrant, tool by tool: a verifier, and doors for Express, Koa and web servers.',
  keywords: ['mcp', 'oauth2', 'resource-server', 'access-token', 'express', 'koa', 'hono'],
  engines: { node: '>=20' },
  sideEffects: false,
  exports: { ...doors('.', './lib'), './package.json': './package.json' },
  files: ['lib'],
  dependencies: { jose: `^${checkout.dependencies['jose']}` },
  ...optionalPeers({
    '@modelcontextprotocol/sdk': '^1.0.0',
    '@modelcontextprotocol/server': '^2.0.0',
    '@types/node': '>=20',
    express: '^4.0.0 || ^5.0.0',
    koa: '^2.0.0 || ^3.0.0',
  }),
};

/** The checkout's doors to the library, pointed at what was compiled. */
function doors(place: string, folder: string): Record<string, { types: string; default: string }> {
  return Object.fromEntries(
    Object.entries(checkout.exports).map(([name, source]) => {
      const file = source.replace('./src/resource-server', folder).replace(/\.ts$/, '');
      return [name.replace('./resource-server', place), { types: `${file}.d.ts`, default: `${file}.js` }];
    }),
  );
}

function optionalPeers(peerDependencies: Record<string, string>): object {
  const peerDependenciesMeta = Object.fromEntries(Object.keys(peerDependencies).map((name) => [name, { optional: true }]));
  return { peerDependencies, peerDependenciesMeta };
}
