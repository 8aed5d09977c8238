import { useEffect, useState } from 'preact/hooks';
import { type Microphone, microphones } from './microphone.ts';

/** The connected microphones, and a function that reads them again. */
export function useMicrophones(): { readonly devices: readonly Microphone[]; refresh(): Promise<void> } {
  const [devices, setDevices] = useState<readonly Microphone[]>([]);
  const refresh = async (): Promise<void> => setDevices(await microphones());
  useEffect(() => {
    const onChange = (): void => void refresh();
    onChange();
    navigator.mediaDevices?.addEventListener('devicechange', onChange);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', onChange);
  }, []);
  return { devices, refresh };
}
