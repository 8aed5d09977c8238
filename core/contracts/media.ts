/** Content type of a chunk -> extension of the stored object. The worker trusts neither; it inspects the bytes. */
export const EXTENSION_OF_TYPE: Readonly<Record<string, string>> = {
  'audio/webm': 'webm',
  'video/webm': 'webm',
  'audio/ogg': 'ogg',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/x-m4a': 'm4a',
  'video/mp4': 'mp4',
  'audio/flac': 'flac',
};

export const CHUNK_EXTENSIONS: readonly string[] = [...new Set(Object.values(EXTENSION_OF_TYPE))];

/** `audio/webm;codecs=opus` -> `audio/webm` */
export const bareType = (contentType: string): string => contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
