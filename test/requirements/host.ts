/** The local host. */
import type { Requirement } from './requirement.ts';

export const hostRequirements: readonly Requirement[] = [
  {
    id: 'host.life',
    sentence: 'Only one local host runs at a time. It keeps its recordings after kill -9 and leaves no process behind.',
    tests: [
      'test/host/lifecycle.test.ts: the host starts, runs only once, keeps recordings and an active batch run after kill -9, and leaves no process after Ctrl+C',
      'test/host/lifecycle.test.ts: of two concurrent starts, one runs and the other reports it',
      'test/host/lifecycle.test.ts: npm run demo explains how to start the host if none is running',
    ],
  },
  {
    id: 'host.sample',
    sentence:
      'The shipped sample is ordinary English by three speakers with known words, on which word error rates are measured.',
    tests: [
      'test/repository/sample.test.ts: the sample is about two minutes long',
      "test/repository/sample.test.ts: the sample's words are the words of its turns",
      "test/repository/sample.test.ts: the sample's text equals the script that it was made from",
      'test/repository/sample.test.ts: a wrong, a missing and an added word each count as one error',
      'test/repository/sample.test.ts: a different spelling is not a word error',
      'test/repository/sample.test.ts: different words are word errors',
      'test/repository/sample.test.ts: a recording without a reference text',
      'test/host/first-visit.test.ts: a first visit shows the sample',
      "test/host/first-visit.test.ts: npm run demo prints the sample's turns",
    ],
  },
  {
    id: 'host.loopback',
    sentence: 'The local host accepts only its own host names, and only requests of its own pages.',
    tests: [
      'test/host/lifecycle.test.ts: the pages and the API accept only local host names and their own origin',
      'test/host/closed.test.ts: both ports refuse foreign host names and origins by the same rule',
      'test/browser/foreign-page.test.ts: a foreign page reads nothing from any port by fetch',
      'test/browser/foreign-page.test.ts: a foreign page reads nothing by forms',
      'test/browser/foreign-page.test.ts: a host name that an attacker points to this machine reaches no port',
    ],
  },
  {
    id: 'host.secrets',
    sentence: 'Each home has its own keys and password. No page serves them, and no other user of the machine can read them.',
    tests: [
      "test/host/closed.test.ts: AWS calls that are not signed with a key of this home get AWS's errors",
      'test/host/closed.test.ts: unsigned requests that AWS serves are served',
      'test/host/closed.test.ts: the credentials of a function cannot be computed from its name',
      'test/host/closed.test.ts: when the host signs in a user with a new password, the old one stops working, as for the demo user of an older home',
      'test/host/closed.test.ts: an upload URL accepts only its own request',
      'test/host/closed.test.ts: other users of the machine cannot read the home',
      'test/browser/foreign-page.test.ts: nothing has changed, and the one-time address still signs in once',
      'test/core/one-time-code.test.ts: a one-time code is valid once and for a limited time',
    ],
  },
  {
    id: 'host.emulator',
    sentence: 'The local host adds the behavior that the product needs and the emulator lacks.',
    tests: [
      'test/host/emulator.test.ts: starting and stopping a machine takes time, is refused by state or capacity, updates its times, and a stop sends an event',
      'test/host/emulator.test.ts: a waiting task without heartbeats ends with States.HeartbeatTimeout',
      "test/host/emulator.test.ts: a function's error keeps its name",
    ],
  },
];
