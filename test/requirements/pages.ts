/** Promised behavior of the pages. */
import type { Requirement } from './requirement.ts';

export const pageRequirements: readonly Requirement[] = [
  {
    id: 'pages.record',
    sentence:
      'A user records in a browser, reads the text while speaking and the complete text seconds after Stop, and can play any word.',
    tests: [
      'test/browser/recorder.test.ts: records 70 s, shows text meanwhile and the complete text after Stop',
      'test/browser/recorder.test.ts: pause and resume make one recording without the speech in between',
    ],
  },
  {
    id: 'pages.nothing-lost',
    sentence:
      'Recorded audio stays on the device until the server has decoded it. A lost network, a crashed tab and a full device lose nothing.',
    tests: [
      'test/browser/recorder.test.ts: the network is cut for 40 s',
      'test/browser/recorder.test.ts: a tab crashes: the next visit offers the stored audio',
      'test/browser/recorder.test.ts: a recording that starts offline is stored',
      'test/web/store.test.ts: a chunk’s audio is its own parts in order',
      'test/web/store.test.ts: a full device loses nothing',
      'test/web/client.test.ts: unknown fields are removed at any depth',
    ],
  },
  {
    id: 'pages.two-of-everything',
    sentence: "Two tabs, and two users on one device, do not interfere with each other's recordings.",
    tests: [
      'test/browser/recorder.test.ts: two tabs record at once: neither takes the other’s recording',
      'test/browser/recorder.test.ts: another user signs in on the same device and does not see the stored recording',
      'test/web/store.test.ts: users see only their own recordings',
    ],
  },
  {
    id: 'pages.microphone',
    sentence: 'A denied or lost microphone is reported in a message.',
    tests: ['test/browser/recorder.test.ts: a denied or missing microphone shows a message'],
  },
  {
    id: 'pages.transcript',
    sentence:
      'A transcript can be played, searched, edited, copied and downloaded. Gaps and uncertain words are marked. Edits and corrections keep their times.',
    tests: [
      'test/browser/pages.test.ts: a transcript shows its gaps in order of time',
      'test/browser/pages.test.ts: words are searched, edited',
      'test/browser/pages.test.ts: corrections and target words are saved and applied to existing text',
      'test/web/words.test.ts: words without a correction keep their recognized times',
      'test/web/words.test.ts: words from a correction share the time of the words that they replace',
      'test/web/words.test.ts: any correction: the whole text is shown',
      'test/web/words.test.ts: paragraphs end at pauses and speaker changes',
      'test/web/words.test.ts: the current word is the last one that has started',
      'test/web/words.test.ts: a search finds consecutive words',
      'test/web/words.test.ts: edits never overlap, in any order of editing',
    ],
  },
  {
    id: 'pages.files',
    sentence:
      'Files are uploaded with progress, resume after a reload without uploading a part twice, and are read and played like recordings.',
    tests: [
      'test/browser/pages.test.ts: an upload of 60 MB resumes after a reload',
      'test/browser/pages.test.ts: a file that is not audio is rejected before upload',
      'test/handlers/jobs-api.test.ts: the audio and waveform of an uploaded file are available to its owner only',
    ],
  },
  {
    id: 'pages.operator',
    sentence: 'An admin sees pending work, permanently failed chunks and costs, and can start the batch.',
    tests: [
      'test/browser/pages.test.ts: an admin sees the queues',
      'test/handlers/gpu-api.test.ts: pending work is counted by sessions and chunks',
    ],
  },
  {
    id: 'pages.for-everybody',
    sentence: 'Every page fits a phone, works with a keyboard, and passes axe, in light and dark mode.',
    tests: ['test/browser/pages.test.ts: every page fits a phone, does not shift while it loads'],
  },
  {
    id: 'pages.safe',
    sentence:
      'The pages have no inline script or style, no third-party content and no readable token on the device. The recorder is at most 150 KB of JavaScript.',
    tests: [
      'test/browser/pages.test.ts: sign-in: a wrong password shows an error',
      'test/browser/policy.test.ts: no page violates the content security policy',
      'test/template/template.test.ts: the pages come from a private bucket',
      'test/host/lifecycle.test.ts: the pages and the API accept only local host names and their own origin',
    ],
  },
  {
    id: 'pages.published',
    sentence: "The deployment publishes the built pages with the stage's configuration.",
    tests: ['test/host/emulator.test.ts: the built pages are published'],
  },
];
