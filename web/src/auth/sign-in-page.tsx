import { useState } from 'preact/hooks';
import { config } from '../config.ts';
import { Notice } from '../ui/parts.tsx';
import { choosePassword, resetPassword, type SignedIn, SignInError, sendResetCode, signInWith } from './cognito.ts';
import { acceptTokens } from './session.ts';
import { addressError } from './sign-in-address.ts';

type Step =
  | { readonly kind: 'sign-in' }
  | { readonly kind: 'new-password'; readonly session: string }
  | { readonly kind: 'reset' };

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly type: 'email' | 'password' | 'text';
  readonly autoComplete: string;
  readonly value: string;
  change(value: string): void;
}
const Field = ({ id, label, type, autoComplete, value, change }: FieldProps) => (
  <div class="field">
    <label for={id}>{label}</label>
    <input
      id={id}
      class="input"
      type={type as 'text'}
      autocomplete={autoComplete}
      required
      value={value}
      onInput={({ currentTarget }) => change(currentTarget.value)}
    />
  </div>
);

/** Sign-in with the stage's user pool. The local host also prints an address that signs in. */
export function SignInPage() {
  const [step, setStep] = useState<Step>({ kind: 'sign-in' });
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [message, setMessage] = useState<{ readonly text: string; readonly isBad: boolean } | undefined>(
    addressError.value === undefined ? undefined : { text: addressError.value, isBad: true },
  );
  const [isBusy, setBusy] = useState(false);

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setMessage(undefined);
    try {
      await work();
    } catch (error) {
      setMessage({ text: error instanceof SignInError ? error.message : 'Sign-in failed. Try again.', isBad: true });
    }
    setBusy(false);
  };
  const enter = async (result: SignedIn): Promise<void> => {
    if (result.kind === 'tokens') return acceptTokens(result.tokens);
    setPassword('');
    setStep({ kind: 'new-password', session: result.session });
  };
  const submit = (): Promise<void> =>
    attempt(async () => {
      if (step.kind === 'sign-in') await enter(await signInWith(email, password));
      else if (step.kind === 'new-password') await enter(await choosePassword(email, password, step.session));
      else {
        await resetPassword(email, code, password);
        await enter(await signInWith(email, password));
      }
    });
  const forgot = (): Promise<void> =>
    attempt(async () => {
      if (email === '') throw new SignInError('email', 'Enter your email address first.');
      await sendResetCode(email);
      setPassword('');
      setStep({ kind: 'reset' });
      setMessage({ text: `If an account exists, a code has been sent to ${email}.`, isBad: false });
    });

  const { isLocal, note } = config();
  return (
    <main class="sign-in stack" id="main">
      <div class="brand">
        <img src="./icon.svg" alt="" width="28" height="28" />
        <h1>Chunkscribe</h1>
      </div>
      {isLocal && (
        <div class="card">
          <p>
            Open the address that npm start prints: it signs you in. npm start also prints the email address and the password.
          </p>
          {note && <p class="note small soft">{note}</p>}
        </div>
      )}
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2>{step.kind === 'sign-in' ? 'Sign in' : 'Choose a password'}</h2>
        {step.kind === 'sign-in' && (
          <Field id="email" label="Email" type="email" autoComplete="username" value={email} change={setEmail} />
        )}
        {step.kind === 'reset' && (
          <Field id="code" label="Code from the email" type="text" autoComplete="one-time-code" value={code} change={setCode} />
        )}
        <Field
          id="password"
          label={step.kind === 'sign-in' ? 'Password' : 'New password'}
          type="password"
          autoComplete={step.kind === 'sign-in' ? 'current-password' : 'new-password'}
          value={password}
          change={setPassword}
        />
        {message && (
          <Notice tone={message.isBad ? 'bad' : ''}>
            <p>{message.text}</p>
          </Notice>
        )}
        <div class="row apart">
          <button type="submit" class="button primary" disabled={isBusy}>
            {step.kind === 'sign-in' ? 'Sign in' : 'Set password and sign in'}
          </button>
          {step.kind === 'sign-in' && (
            <button type="button" class="button quiet" disabled={isBusy} onClick={() => void forgot()}>
              Forgot password
            </button>
          )}
        </div>
      </form>
    </main>
  );
}
