/** What is promised of the pages. */
import type { Requirement } from './requirement.ts';

export const pageRequirements: readonly Requirement[] = [
  {
    id: 'pages.record',
    sentence:
      'A person records in a browser, reads the text while they speak and the whole of it seconds after Stop, and plays any word.',
    tests: [
      'test/browser/recorder.test.ts: records 70 s, shows text meanwhile',
      'test/browser/recorder.test.ts: pause and go on make one recording',
    ],
  },
  {
    id: 'pages.nothing-lost',
    sentence:
      'What was recorded is on the device until the server has decoded it: a network that is cut, a tab that dies and a full device lose nothing.',
    tests: [
      'test/browser/recorder.test.ts: the network is cut for 40 s',
      'test/browser/recorder.test.ts: a tab that dies in the middle',
      'test/browser/recorder.test.ts: a recording that begins without a network',
      'test/web/store.test.ts: a chunk’s audio is its parts',
      'test/web/store.test.ts: a device without room loses nothing',
      'test/web/client.test.ts: what a newer server says more is left out',
    ],
  },
  {
    id: 'pages.two-of-everything',
    sentence: 'Two tabs and two people on one device do not meddle with each other’s recordings.',
    tests: [
      'test/browser/recorder.test.ts: two tabs record at once',
      'test/browser/recorder.test.ts: somebody else signs in',
      'test/web/store.test.ts: everybody sees their own recordings only',
    ],
  },
  {
    id: 'pages.microphone',
    sentence: 'A microphone that is refused or lost is told in words.',
    tests: ['test/browser/recorder.test.ts: a microphone that is refused or gone'],
  },
  {
    id: 'pages.transcript',
    sentence:
      'A transcript is played, searched, edited, copied and downloaded; gaps and doubtful words are marked; edits and corrections keep their place in time.',
    tests: [
      'test/browser/pages.test.ts: a transcript with gaps',
      'test/browser/pages.test.ts: words are searched, edited, copied',
      'test/browser/pages.test.ts: corrections and target words',
      'test/web/words.test.ts: words that nobody corrected',
      'test/web/words.test.ts: words that a correction has made',
      'test/web/words.test.ts: whatever a correction makes of it',
      'test/web/words.test.ts: paragraphs end at pauses',
      'test/web/words.test.ts: the word that sounds',
      'test/web/words.test.ts: a search finds words',
      'test/web/words.test.ts: edits never overlap',
    ],
  },
  {
    id: 'pages.files',
    sentence:
      'Files are sent with progress, go on after a reload without sending a part twice, and are read and heard like recordings.',
    tests: [
      'test/browser/pages.test.ts: a file of 60 MB goes on after a reload',
      'test/browser/pages.test.ts: a file that is no audio is refused',
      'test/handlers/jobs-api.test.ts: the audio and the waveform of a file',
    ],
  },
  {
    id: 'pages.operator',
    sentence: 'An operator sees what waits, what was given up and what it costs, and runs the batch by button.',
    tests: [
      'test/browser/pages.test.ts: an operator sees what waits',
      'test/handlers/gpu-api.test.ts: what waits is counted by sessions and chunks',
    ],
  },
  {
    id: 'pages.for-everybody',
    sentence: 'Every page fits a phone, works with a keyboard, and has nothing that axe finds, in light and dark.',
    tests: ['test/browser/pages.test.ts: every page fits a phone'],
  },
  {
    id: 'pages.safe',
    sentence:
      'No inline script or style, no third party, no readable token on the device; the recorder is at most 150 KB of JavaScript.',
    tests: [
      'test/browser/pages.test.ts: signing in: a wrong password',
      'test/template/template.test.ts: the pages come from a private bucket',
      'test/host/lifecycle.test.ts: the pages and their API are for this machine',
    ],
  },
  {
    id: 'pages.published',
    sentence: 'The deployment publishes the built pages with the stage’s configuration.',
    tests: ['test/host/emulator.test.ts: the built pages are published'],
  },
];
