/**
 * Compose and parse e-mail messages: MIME parts, headers, addresses and transfer encodings.
 *
 * @packageDocumentation
 */
export {
  type AddressInput,
  canonicalAddress,
  formatAddress,
  formatPhrase,
  type Group,
  type Mailbox,
  type MailboxInput,
  wireAddress,
} from './address.ts';
export { parseAddressList, parseMailbox } from './address-list.ts';
export type { BodyVariant } from './body.ts';
export { type ComposedMessage, type ComposeOptions, composeMessage } from './compose.ts';
export type { ContentInput, ContentStream, WebStream } from './content.ts';
export { formatDate } from './date.ts';
export { domainToAscii } from './domain.ts';
export { decodeWords, type EncodedWordContext, encodeWords } from './encoded-word.ts';
export { MimeError, type MimeErrorCode, type MimeErrorKind } from './errors.ts';
export type { HeaderCharset } from './header-fields.ts';
export { foldHeader, unfoldHeader } from './header-fold.ts';
export type {
  Alternative,
  Attachment,
  ContentAttachment,
  HeaderInput,
  ListFields,
  Message,
  MessageAttachment,
  ReadyPart,
} from './message.ts';
export type { Envelope } from './message-header.ts';
export { formatParameter, type ParameterizedValue, parseParameters } from './parameter.ts';
export { Base64Decoder, Base64Encoder, decodeBase64, encodeBase64 } from './transfer/base64.ts';
export {
  decodeQuotedPrintable,
  encodeQuotedPrintable,
  QuotedPrintableDecoder,
  QuotedPrintableEncoder,
  type QuotedPrintableMode,
} from './transfer/quoted-printable.ts';
