/**
 * Finds a second claim in the statement of a rule, by the words that join two claims.
 *
 * Only what joins two predicates counts: a semicolon, a second sentence, `, and`, `, but` and `and` before a verb.
 * Lists (`RSA and Ed25519 keys sign`, `adds, shows and removes`) and exceptions (`, but for two classes`) are one claim.
 * @returns the words that join the claims; undefined where there is one claim.
 */
export function findSecondClaim(statement: string): string | undefined {
  return joint.exec(statement.replaceAll(/`[^`]*`/g, 'x'))?.[0].trim();
}

const joint =
  /;|[.!?] (?=[A-Z\d])|, (?:and|but(?! for)|nor)\b|\band (?:is|are|was|has|have|does|may|can|must|gets|gives|goes|keeps|takes|ends|sends|leaves|names|says|counts|never)\b/;
