// What must survive a restart: registered instances with their leases, in SQLite. An acknowledged write is
// on disk (WAL, synchronous=FULL); a second process on the same folder is refused.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

const FILE = 'registry.db';
const SCHEMA_VERSION = 1;

/** One registration as it is kept. The rest of an instance is JSON: its shape is checked when read. */
export interface StoredLease {
  readonly key: string;
  readonly leaseId: string;
  readonly termMs: number;
  readonly instance: unknown;
}

export interface LeaseStore {
  load(): readonly StoredLease[];
  /** Throws StoreError when the disk refuses; the caller tells whoever asked, and nothing else stops. */
  put(lease: StoredLease): void;
  remove(key: string): void;
  close(): void;
}

export class StoreError extends Error {}

/** Opens the store in a folder, creating both. Throws StoreError with what to do. */
export function openStore(folder: string): LeaseStore {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new SqliteStore(new DatabaseSync(join(folder, FILE)));
  } catch (error) {
    throw new StoreError(openFailure(folder, error as Error));
  }
}

function openFailure(folder: string, error: Error): string {
  if (isLocked(error)) return `another discovery is using ${folder}; stop it, or give this one its own --data-dir`;
  if (/malformed|not a database/i.test(error.message)) {
    return `${join(folder, FILE)} is damaged (${error.message}); restore it from a backup, or move it away: instances will register again`;
  }
  return `cannot open ${join(folder, FILE)}: ${error.message}`;
}

function isLocked(error: Error): boolean {
  return /locked|busy/i.test(error.message);
}

/** Keeps nothing: for a discovery without a folder, and for tests. */
export const memoryStore: LeaseStore = {
  load: () => [],
  put: () => undefined,
  remove: () => undefined,
  close: () => undefined,
};

class SqliteStore implements LeaseStore {
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    // The exclusive lock is taken by the first statement and ends with the process, however it ends.
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0',
    );
    database.exec('BEGIN EXCLUSIVE; COMMIT');
    this.#migrate();
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO leases (key, lease_id, term_ms, instance) VALUES (?, ?, ?, ?)',
    );
    this.#remove = database.prepare('DELETE FROM leases WHERE key = ?');
  }

  load(): readonly StoredLease[] {
    const rows = this.#database.prepare('SELECT key, lease_id, term_ms, instance FROM leases ORDER BY key').all();
    return rows.map((row) => ({
      key: String(row['key']),
      leaseId: String(row['lease_id']),
      termMs: Number(row['term_ms']),
      instance: JSON.parse(String(row['instance'])) as unknown,
    }));
  }

  put(lease: StoredLease): void {
    this.#attempt(() => this.#put.run(lease.key, lease.leaseId, lease.termMs, JSON.stringify(lease.instance)));
  }

  remove(key: string): void {
    this.#attempt(() => this.#remove.run(key));
  }

  close(): void {
    this.#database.close();
  }

  #migrate(): void {
    const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
    if (version > SCHEMA_VERSION)
      throw new Error(`it was written by a newer version (schema ${version}, this one knows ${SCHEMA_VERSION})`);
    this.#database.exec(
      'CREATE TABLE IF NOT EXISTS leases (key TEXT PRIMARY KEY, lease_id TEXT NOT NULL, term_ms INTEGER NOT NULL, instance TEXT NOT NULL) STRICT',
    );
    this.#database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw new StoreError(`the registration could not be written to disk: ${(error as Error).message}`);
    }
  }
}
