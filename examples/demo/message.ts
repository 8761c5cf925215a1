import type { Message } from '@mb/mime';
import { drawPng } from './png.ts';

const chart = drawPng(240, 120, (x, y) =>
  1 - y < 0.5 + 0.4 * Math.sin(8 * x) ? [0.16, 0.5, 0.73] : [0.95, 0.95, 0.9],
);
const dot = drawPng(24, 24, (x, y) => (Math.hypot(x - 0.5, y - 0.5) < 0.45 ? [0.15, 0.68, 0.38] : [1, 1, 1]));

/** Everything that an everyday message has. */
export const message: Message = {
  from: 'Zoë Müller <zoe@example.com>',
  to: 'Alice <alice@north.test>',
  cc: 'Bob <bob@south.test>',
  subject: 'Grüße aus dem Labor: 三月の報告 📈',
  text: 'Hello Alice,\n\nthe chart is attached. All lights are green.\n\nZoë\n',
  html:
    '<p>Hello Alice,</p><p>the chart is attached. All lights are ' +
    '<img src="cid:light@example.com" alt="green" width="12" height="12">.</p><p>Zoë</p>',
  attachments: [
    { filename: 'light.png', content: dot, contentId: 'light@example.com' },
    { filename: 'Übersicht März.png', content: chart },
  ],
};
