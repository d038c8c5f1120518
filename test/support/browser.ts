/**
 * A real Chromium for tests: the browser that comes from npm, unpacked once per checkout, with its own libraries and
 * its own fonts, so that it runs and looks the same on a machine where no browser part is installed, as root too.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const root = resolve(import.meta.dirname, '../..');

/**
 * Unpacks the browser and returns the folder it lies in; a second call finds it there. Called by Jest's globalSetup,
 * because two workers that unpack at once would disturb each other only in time, not in outcome: the folder appears by
 * one rename.
 */
export async function prepareBrowser(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'node_modules/@sparticuz/chromium/package.json'), 'utf8')) as {
    version: string;
  };
  const home = join(root, '.tmp', `chromium-${version}`);
  if (existsSync(home)) return home;
  await mkdir(join(root, '.tmp'), { recursive: true });
  const draft = await mkdtemp(join(root, '.tmp', 'chromium-draft-'));
  await unpack(draft);
  await writeFile(join(draft, 'fonts.conf'), fontConfiguration(home));
  try {
    await rename(draft, home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
  return home;
}

/**
 * Starts the browser with web security **on** (the package's own arguments turn it off, which would make every test of
 * CSP, framing and CORS worthless). Without its sandbox, because that refuses to run as root. The caller closes it.
 */
export async function launchBrowser(): Promise<Browser> {
  const home = await prepareBrowser();
  return await chromium.launch({
    executablePath: join(home, 'chromium'),
    args: [
      '--no-sandbox',
      '--no-zygote',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--font-render-hinting=none',
      '--force-color-profile=srgb',
    ],
    env: {
      HOME: join(home, 'home'),
      LD_LIBRARY_PATH: join(home, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(home, 'fonts.conf'),
      LANG: 'C.UTF-8',
    },
  });
}

/** The package unpacks its shared libraries only where it believes to be on a serverless platform, and always below TMPDIR. */
async function unpack(folder: string): Promise<void> {
  const script = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    env: { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x', HOME: folder },
    timeout: 60_000,
  });
}

function fontConfiguration(home: string): string {
  const escaped = home.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${escaped}/fonts</dir><cachedir>${escaped}/font-cache</cachedir></fontconfig>\n`;
}
