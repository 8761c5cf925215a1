/**
 * Connects programs that use nodemailer to `@mb/broker`: a transport for `nodemailer.createTransport()`, and a converter
 * of its message options that works without nodemailer.
 *
 * @packageDocumentation
 */
export {
  NodemailerBridgeError,
  type NodemailerBridgeErrorCode,
  type NodemailerBridgeErrorKind,
} from './errors.ts';
export { type ConvertOptions, fromNodemailer } from './from-nodemailer.ts';
export type {
  AddressOption,
  AttachmentOption,
  BodyOption,
  CalendarOption,
  ContentOption,
  EnvelopeOption,
  HeaderOption,
  HeadersOption,
  ListOption,
  NodemailerMessage,
  PartOption,
} from './nodemailer-message.ts';
export type { RemoteContentOptions } from './remote-content.ts';
export type { MbOutcome, MbRecipientError, MbSentMessageInfo } from './sent-message.ts';
export {
  type MbMessageOptions,
  type MbTransport,
  type MbTransportOptions,
  mbTransport,
  type SendCallback,
  type TransportBroker,
  type TransportMail,
} from './transport.ts';
