/** The embedded database cannot do what was asked; the message says why and what helps. */
export class EmbeddedDatabaseFailed extends Error {
  override readonly name = 'EmbeddedDatabaseFailed';
}

/** What helps in nearly every case. */
export const useYourOwn = 'Or set DATABASE_URL to a PostgreSQL of your own.';
