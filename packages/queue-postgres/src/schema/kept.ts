/**
 * Finished messages whose content is kept for a time. It is a table of its own because an older worker, which does not
 * know it, deletes the row of a message; a newer worker's purge then deletes the content.
 */
export const kept = `
CREATE TABLE @schema@.kept (message bigint PRIMARY KEY, ended bigint NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX kept_ended ON @schema@.kept (ended);
`;
