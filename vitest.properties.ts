import { configureGlobal } from 'fast-check';

// One seed for the whole file: where CI lets a test fail once, the same counterexample comes again and it fails twice.
configureGlobal({ seed: Math.trunc(Math.random() * 0x7fff_ffff) });
