import { expect, it } from 'vitest';
import { findSecondClaim } from '../../../scripts/claims.ts';

it.each([
  ['A key is made and shown once; the audit log has it', ';'],
  ['Mail expires while its site is paused. What is held expires when it is released.', '.'],
  ['A refused message is an error, and nothing of it is queued', ', and'],
  ['A socket is closed, but its timer goes on', ', but'],
  ['A base64 line has 76 characters and is not empty', 'and is'],
  ['Bounces are read and never relayed', 'and never'],
])('finds the second claim of a statement: %s', (statement, joint) => {
  expect(findSecondClaim(statement)).toBe(joint);
});

it.each([
  'RSA and Ed25519 keys sign, alone or together',
  '`mb key` makes, lists and revokes keys',
  'A text is body where three readers have it there, but for two listed classes',
  'An audit entry says who, what, when and with what result',
  'The header `a; b` is read as one value',
  'A recipient is refused with 5.1.1 whatever its domain.',
])('takes a list or an exception for one claim: %s', (statement) => {
  expect(findSecondClaim(statement)).toBeUndefined();
});
