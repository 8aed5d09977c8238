import { useEffect, useState } from 'preact/hooks';
import { type Microphone, microphones, watchMicrophones } from './microphone.ts';

/** The connected microphones, and a function that reads them again. */
export function useMicrophones(): { readonly devices: readonly Microphone[]; refresh(): Promise<void> } {
  const [devices, setDevices] = useState<readonly Microphone[]>([]);
  const refresh = async (): Promise<void> => setDevices(await microphones());
  useEffect(() => {
    void refresh();
    return watchMicrophones(() => void refresh());
  }, []);
  return { devices, refresh };
}
