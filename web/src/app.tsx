/** The layout of all pages and the routes. */
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { signOut, user } from './auth/session.ts';
import { SignInPage } from './auth/sign-in-page.tsx';
import { LibraryPage } from './library/library-page.tsx';
import { RecorderPage } from './recorder/recorder-page.tsx';
import { isActive, stop } from './recorder/recording.ts';
import { findLeftovers } from './recorder/recovery.ts';
import { wakeUploads } from './recorder/upload-queue.ts';
import { UploadStrip } from './recorder/upload-strip.tsx';
import { route } from './route.ts';
import { Icon, type IconName } from './ui/icon.tsx';
import { Empty, Failed, Loading, useConfirmation } from './ui/parts.tsx';

interface PageProps {
  readonly id: string;
}
/** A page whose code is loaded when it is first opened. */
function lazyPage(load: () => Promise<ComponentType<PageProps>>): ComponentType<PageProps> {
  let loaded: ComponentType<PageProps> | undefined;
  return (props) => {
    const [Page, setPage] = useState(() => loaded);
    const [isFailed, setFailed] = useState(false);
    useEffect(() => {
      if (Page !== undefined) return;
      load().then(
        (component) => {
          loaded = component;
          setPage(() => component);
        },
        () => setFailed(true),
      );
    }, [Page]);
    if (isFailed) return <Failed what="This page could not be loaded. Check your connection." retry={() => location.reload()} />;
    return Page === undefined ? <Loading what="The page" /> : <Page {...props} />;
  };
}

const SessionPage = lazyPage(async () => (await import('./transcript/session-page.tsx')).SessionPage);
const FilesPage = lazyPage(async () => (await import('./files/files-page.tsx')).FilesPage);
const FilePage = lazyPage(async () => (await import('./transcript/file-page.tsx')).FilePage);
const WordsPage = lazyPage(async () => (await import('./settings/words-page.tsx')).WordsPage);
const DashboardPage = lazyPage(async () => (await import('./dashboard/dashboard-page.tsx')).DashboardPage);

interface NavItem {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly isAdminOnly?: true;
}
const NAV_ITEMS: readonly NavItem[] = [
  { name: 'record', label: 'Record', icon: 'mic' },
  { name: 'sessions', label: 'Recordings', icon: 'list' },
  { name: 'files', label: 'Files', icon: 'file' },
  { name: 'words', label: 'Words', icon: 'words' },
  { name: 'dashboard', label: 'Dashboard', icon: 'chart', isAdminOnly: true },
];

function page(
  name: string,
  id: string | undefined,
): { readonly title: string; readonly isNarrow?: true; readonly body: ComponentChildren } {
  if (name === 'record') return { title: 'Record', isNarrow: true, body: <RecorderPage id={id ?? ''} key={id} /> };
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
        <h1>Page not found</h1>
        <a href="#/record">Go to the recorder</a>
      </Empty>
    ),
  };
}

function Account() {
  const { confirm, dialog } = useConfirmation();
  const leave = (): void => {
    if (!isActive.value) void signOut();
    else
      confirm({
        title: 'You are recording',
        text: 'The recording stops. Audio that is not uploaded yet stays on this device until you return.',
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
          Skip to content
        </button>
        <div class="top">
          <div class="top-inner">
            <a class="brand" href="#/record">
              <img src="./icon.svg" alt="" width="28" height="28" />
              Chunkscribe
            </a>
            <nav class="nav" aria-label="Pages">
              {NAV_ITEMS.filter(({ isAdminOnly }) => !isAdminOnly || user.value?.isAdmin).map((item) => (
                <a key={item.name} href={`#/${item.name}`} aria-current={item.name === name ? 'page' : undefined}>
                  <Icon name={item.icon} />
                  {item.label}
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
  const signedIn = user.value;
  const userId = signedIn?.userId;
  useEffect(() => {
    if (userId === undefined) return;
    wakeUploads();
    void findLeftovers(userId);
  }, [userId]);
  if (signedIn === undefined) return null;
  return signedIn === null ? <SignInPage /> : <Shell />;
}
