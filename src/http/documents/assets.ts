/** Style sheets and the icon: read once at start, served from memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Context } from 'koa';
import { sha256 } from '../../platform/digest.ts';
import { HttpProblem } from '../http-problem.ts';
import { viewsFolder } from '../views/render.ts';

/** A file as it is served. */
export interface Asset {
  type: string;
  bytes: Buffer;
  etag: string;
}

const types: Readonly<Record<string, string>> = { '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

/** Reads all assets; files of other types are none. */
export function readAssets(folder: string = join(viewsFolder, 'assets')): ReadonlyMap<string, Asset> {
  const names = readdirSync(folder).filter((name) => Object.hasOwn(types, extname(name)));
  return new Map(
    names.map((name) => {
      const bytes = readFileSync(join(folder, name));
      return [name, { type: types[extname(name)] ?? '', bytes, etag: `"${sha256(bytes).slice(0, 22)}"` }];
    }),
  );
}

/** Serves one asset; browsers ask again each time and mostly hear that nothing changed. */
export async function serveAsset(ctx: Context, { assets }: { assets: ReadonlyMap<string, Asset> }): Promise<void> {
  const asset = assets.get(ctx.params['name'] as string);
  if (!asset) throw new HttpProblem('not-found');
  ctx.status = 200;
  ctx.set('Cache-Control', 'no-cache');
  ctx.set('ETag', asset.etag);
  ctx.set('Content-Type', asset.type);
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.body = asset.bytes;
}
