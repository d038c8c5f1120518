import { describe, expect, it } from '@jest/globals';
import { readText } from './source-tree.ts';

type Versions = Record<string, string>;

interface Package {
  dependencies: Versions;
  devDependencies: Versions;
}

const declared = JSON.parse(readText('package.json')) as Package;
const locked = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Package & { resolved?: string }> };
const all = { ...declared.dependencies, ...declared.devDependencies };

describe('dependencies', () => {
  it('each have their reason in docs/decisions/dependencies.md, and nothing else has', () => {
    const explained = [...readText('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    expect(explained.sort()).toEqual(Object.keys(all).sort());
  });

  it('are explained where they are declared: at run time, or for development', () => {
    const [, runTime = '', development = ''] = readText('docs/decisions/dependencies.md').split(/^## .*$/m);
    const named = (text: string) => [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name).sort();
    expect(named(runTime)).toEqual(Object.keys(declared.dependencies).sort());
    expect(named(development)).toEqual(Object.keys(declared.devDependencies).sort());
  });

  it('have exact versions', () => {
    expect(Object.entries(all).filter(([, version]) => !/^(?:npm:@[\w/-]+@)?\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))).toEqual([]);
  });

  it('are locked as declared', () => {
    const { dependencies, devDependencies } = locked.packages[''] ?? {};
    expect({ dependencies, devDependencies }).toEqual({ dependencies: declared.dependencies, devDependencies: declared.devDependencies });
  });

  it('are locked without the address of the registry they came from', () => {
    expect(Object.values(locked.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });
});
