import { accentedText, englishText, htmlText } from './texts.ts';

/** A message in neutral words; each contender's adapter translates it. */
export interface SampleMessage {
  readonly from: SampleMailbox;
  readonly to: readonly SampleMailbox[];
  readonly subject: string;
  readonly text?: string;
  readonly html?: string;
  readonly attachments: readonly SampleAttachment[];
}

export interface SampleMailbox {
  readonly name: string;
  readonly address: string;
}

export interface SampleAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
}

const SHOP: SampleMailbox = { name: 'Example Shop', address: 'shop@example.com' };
const READER: SampleMailbox = { name: 'Jane Doe', address: 'jane@example.org' };

/** One recipient, an ASCII subject, half a page of ASCII text. */
export function smallText(): SampleMessage {
  return { from: SHOP, to: [READER], subject: 'Your order 4478', text: englishText(600), attachments: [] };
}

/** Text and HTML of several languages for three recipients with names beyond ASCII. */
export function unicodeAlternatives(): SampleMessage {
  return {
    from: { name: 'Café Müller', address: 'bonjour@example.com' },
    to: [
      { name: 'Zoë Łukasiewicz', address: 'zoe@example.org' },
      { name: '山田太郎', address: 'taro@example.net' },
      { name: 'Jane Doe', address: 'jane@example.org' },
    ],
    subject: 'Réservation confirmée : deux nuits à l’hôtel de la Gare 🎉',
    text: accentedText(2000),
    html: `<html><body><table>${htmlText(2000)}${accentedText(2000)}</table></body></html>`,
    attachments: [],
  };
}

/** HTML and one big attachment. */
export function bigAttachment(bytes: number): SampleMessage {
  return {
    from: SHOP,
    to: [READER],
    subject: 'Your catalogue',
    html: `<html><body><table>${htmlText(4000)}</table></body></html>`,
    attachments: [{ filename: 'catalogue.pdf', contentType: 'application/pdf', content: noise(bytes, 1) }],
  };
}

/** A text and many attachments of middling size. */
export function manyAttachments(count: number, bytes: number): SampleMessage {
  return {
    from: SHOP,
    to: [READER],
    subject: 'Your pictures',
    text: englishText(400),
    attachments: Array.from({ length: count }, (_, i) => ({
      filename: `picture-${i}.png`,
      contentType: 'image/png',
      content: noise(bytes, i + 1),
    })),
  };
}

/** Octets without structure, the same each time (xorshift32). */
export function noise(bytes: number, seed: number): Buffer {
  const octets = Buffer.allocUnsafe(bytes);
  let state = seed * 2_654_435_761 || 1;
  for (let i = 0; i < bytes; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    octets[i] = state;
  }
  return octets;
}
