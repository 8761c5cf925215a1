import * as mime from '@mb/mime';
import { check as checkMime } from './checks/mime.mjs';

export async function check() {
  await checkMime({ '@mb/mime': mime });
}
