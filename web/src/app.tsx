/** The frame of all pages, and which page it is. */
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { signOut, user } from './auth/session.ts';
import { SignInPage } from './auth/sign-in-page.tsx';
import { LibraryPage } from './library/library-page.tsx';
import { RecorderPage } from './recorder/recorder-page.tsx';
import { isActive, stop } from './recorder/recording.ts';
import { findLeftovers } from './recorder/recovery.ts';
import { sendAll } from './recorder/upload-queue.ts';
import { UploadStrip } from './recorder/upload-strip.tsx';
import { route } from './route.ts';
import { Icon, type IconName } from './ui/icon.tsx';
import { Empty, Failed, Loading, useQuestion } from './ui/parts.tsx';

interface PageProps {
  readonly id: string;
}
/** A page whose code is fetched when it is opened first. */
function later(load: () => Promise<ComponentType<PageProps>>): ComponentType<PageProps> {
  let loaded: ComponentType<PageProps> | undefined;
  return (props) => {
    const [Page, setPage] = useState(() => loaded);
    const [isFailed, setFailed] = useState(false);
    useEffect(() => {
      if (Page !== undefined) return;
      load().then(
        (found) => {
          loaded = found;
          setPage(() => found);
        },
        () => setFailed(true),
      );
    }, [Page]);
    if (isFailed) return <Failed what="This page cannot be loaded. Is the connection gone?" again={() => location.reload()} />;
    return Page === undefined ? <Loading what="The page" /> : <Page {...props} />;
  };
}

const SessionPage = later(async () => (await import('./transcript/session-page.tsx')).SessionPage);
const FilesPage = later(async () => (await import('./files/files-page.tsx')).FilesPage);
const FilePage = later(async () => (await import('./transcript/file-page.tsx')).FilePage);
const WordsPage = later(async () => (await import('./settings/words-page.tsx')).WordsPage);
const DashboardPage = later(async () => (await import('./dashboard/dashboard-page.tsx')).DashboardPage);

interface Place {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly isAdmins?: true;
}
const PLACES: readonly Place[] = [
  { name: 'record', label: 'Record', icon: 'mic' },
  { name: 'sessions', label: 'Recordings', icon: 'list' },
  { name: 'files', label: 'Files', icon: 'file' },
  { name: 'words', label: 'Words', icon: 'words' },
  { name: 'dashboard', label: 'Dashboard', icon: 'chart', isAdmins: true },
];

function page(
  name: string,
  id: string | undefined,
): { readonly title: string; readonly isNarrow?: true; readonly body: ComponentChildren } {
  if (name === 'record') return { title: 'Record', isNarrow: true, body: <RecorderPage /> };
  if (name === 'sessions' && id === undefined) return { title: 'Recordings', isNarrow: true, body: <LibraryPage /> };
  if (name === 'sessions' && id !== undefined)
    return { title: 'Transcript', isNarrow: true, body: <SessionPage id={id} key={id} /> };
  if (name === 'files' && id === undefined) return { title: 'Files', isNarrow: true, body: <FilesPage id="" /> };
  if (name === 'files' && id !== undefined) return { title: 'Transcript', isNarrow: true, body: <FilePage id={id} key={id} /> };
  if (name === 'words') return { title: 'Words', isNarrow: true, body: <WordsPage id="" /> };
  if (name === 'dashboard') return { title: 'Dashboard', body: <DashboardPage id="" /> };
  return {
    title: 'Not found',
    body: (
      <Empty icon="search">
        <h1>There is no such page</h1>
        <a href="#/record">Go to the recorder</a>
      </Empty>
    ),
  };
}

function Account() {
  const { ask, dialog } = useQuestion();
  const leave = (): void => {
    if (!isActive.value) void signOut();
    else
      ask({
        title: 'You are recording',
        text: 'The recording stops. What is not sent yet stays on this device until you are back.',
        button: 'Stop and sign out',
        yes: () => void stop().then(signOut),
      });
  };
  return (
    <div class="account">
      <span class="email cut small soft">{user.value?.email}</span>
      <button type="button" class="button quiet" onClick={leave}>
        Sign out
      </button>
      {dialog}
    </div>
  );
}

function Shell() {
  const [name = 'record', id] = route.value;
  const { title, isNarrow, body } = page(name, id);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · Chunkscribe`;
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    scrollTo(0, 0);
  }, [name, id]);
  return (
    <div class="shell">
      <header>
        <button type="button" class="skip button" onClick={() => main.current?.focus()}>
          To the content
        </button>
        <div class="top">
          <div class="top-inner">
            <a class="brand" href="#/record">
              <img src="./icon.svg" alt="" width="28" height="28" />
              Chunkscribe
            </a>
            <nav class="nav" aria-label="Pages">
              {PLACES.filter(({ isAdmins }) => !isAdmins || user.value?.isAdmin).map((place) => (
                <a key={place.name} href={`#/${place.name}`} aria-current={place.name === name ? 'page' : undefined}>
                  <Icon name={place.icon} />
                  {place.label}
                </a>
              ))}
            </nav>
            <Account />
          </div>
        </div>
        <UploadStrip isRecorder={name === 'record'} />
      </header>
      <main class={isNarrow ? 'main narrow' : 'main'} id="main" ref={main} tabIndex={-1}>
        {body}
      </main>
    </div>
  );
}

export function App() {
  const who = user.value;
  const userId = who?.userId;
  useEffect(() => {
    if (userId === undefined) return;
    sendAll();
    void findLeftovers(userId);
  }, [userId]);
  if (who === undefined) return null;
  return who === null ? <SignInPage /> : <Shell />;
}
