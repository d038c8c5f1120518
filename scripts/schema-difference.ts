/**
 * What SQL leads from a database's tables to those of `prisma/schema.prisma`.
 *
 * Prisma's schema engine as WebAssembly answers that over an ordinary driver: no binary is downloaded.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import { type FieldDef, Pool, type QueryArrayResult } from 'pg';

/** As much of WebAssembly as is used here; its types come with the browser's, which this project does not load. */
const wasm = (globalThis as unknown as { WebAssembly: WasmInterface }).WebAssembly;
interface WasmInterface {
  instantiate(file: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
}

/** The path of the schema all this is about. */
export const schemaPath = join(import.meta.dirname, '..', 'prisma', 'schema.prisma');

/**
 * The SQL that is missing; empty when database and schema agree.
 * @param databaseUrl a database with all migrations applied; it is read only
 */
export async function findSchemaDifference(databaseUrl: string, schemaFile = schemaPath): Promise<string> {
  loading ??= loadEngine();
  await loading;
  const schema = { files: [{ path: schemaFile, content: await readFile(schemaFile, 'utf8') }] };
  const pool = new Pool({ connectionString: databaseUrl });
  const adapter = bindMigrationAwareSqlAdapterFactory(readsCatalogue(pool));
  const instance = await engine.SchemaEngine.new({ datamodels: [[schemaFile, schema.files[0]?.content ?? '']] }, () => undefined, adapter);
  try {
    const result = await instance.diff({
      from: { tag: 'schemaDatasource', ...schema, configDir: dirname(schemaFile) },
      to: { tag: 'schemaDatamodel', ...schema },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return result.exitCode === 0 ? '' : (result.stdout ?? '');
  } finally {
    instance.free();
    await pool.end();
  }
}

/**
 * The driver adapter, and what the engine needs beyond it: columns of PostgreSQL's catalogue have the type `"char"` (object id 18),
 * which the adapter refuses, as no Prisma schema can have it. They pass it as texts and are given their type back after it.
 */
function readsCatalogue(pool: Pool): SqlMigrationAwareDriverAdapterFactory {
  const catalogueType = 18;
  const text = 25;
  const characterColumns = new WeakMap<unknown[], number[]>();
  const query = pool.query.bind(pool) as (...call: unknown[]) => Promise<QueryArrayResult>;
  pool.query = (async (...call: unknown[]) => {
    const result = await query(...call);
    const columns = result.fields.flatMap((field, index) => (field.dataTypeID === catalogueType ? [index] : []));
    for (const index of columns) Object.assign(result.fields[index] as FieldDef, { dataTypeID: text });
    characterColumns.set(result.rows, columns);
    return result;
  }) as Pool['query'];
  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (call) => {
      const result = await queryRaw(call);
      for (const index of characterColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  };
  return factory;
}

/** Once per process: the engine's glue keeps views of the memory of the first instance. */
let loading: Promise<void> | undefined;

async function loadEngine(): Promise<void> {
  // The engine leaves its last words here before it fails.
  const registry = { set_message: (message: string) => process.stderr.write(`${message}\n`) };
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: registry });
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const file = await readFile(entry.replace(/\.js$/, '.wasm'));
  const { instance } = await wasm.instantiate(file, { './schema_engine_bg.js': engine });
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}
