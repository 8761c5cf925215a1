/**
 * Messages that ended, whose content is kept for a time. A table of its own: an older worker, which does not know of it,
 * deletes the row of a message and leaves its content to the next purge that does.
 */
export const kept = `
CREATE TABLE @schema@.kept (message bigint PRIMARY KEY, ended bigint NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX kept_ended ON @schema@.kept (ended);
`;
