/** Content types and extensions of uploads. The worker trusts neither; it inspects the bytes. */

/** Content type of a chunk -> extension of the stored object. */
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

/** Extensions that stored chunks can have. */
export const CHUNK_EXTENSIONS: readonly string[] = [...new Set(Object.values(EXTENSION_OF_TYPE))];

/** `audio/webm;codecs=opus` -> `audio/webm` */
const bareType = (contentType: string): string => contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Extension of a stored chunk; undefined for a type that chunks cannot have. */
export const chunkExtensionOf = (contentType: string): string | undefined => EXTENSION_OF_TYPE[bareType(contentType)];

/** Content type of a file -> extension of the stored object. */
const FILE_EXTENSION_OF_TYPE: Readonly<Record<string, string>> = {
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
  'audio/mp4': 'm4a',
  'audio/m4a': 'm4a',
  'audio/x-m4a': 'm4a',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/webm': 'webm',
  'audio/x-matroska': 'mkv',
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/x-matroska': 'mkv',
};
/** Extension of a file's name -> content type, for clients. */
export const FILE_TYPE_OF_EXTENSION: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  mp2: 'audio/mpeg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  webm: 'audio/webm',
  mka: 'audio/x-matroska',
  mp4: 'video/mp4',
  '3gp': 'video/3gpp',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
};
/** Content type of a file with an unknown extension. */
const UNKNOWN_TYPE = 'application/octet-stream';
const UNKNOWN_EXTENSION = 'bin';
const OTHER_MEDIA = /^(audio|video)\/|^application\/(octet-stream|ogg)$/;

/** The content type that a client declares for a file. */
export const fileTypeOf = (filename: string): string =>
  FILE_TYPE_OF_EXTENSION[filename.split('.').at(-1)?.toLowerCase() ?? ''] ?? UNKNOWN_TYPE;

/** Extension of the stored object; undefined for a type that is neither audio nor video. */
export function fileExtensionOf(contentType: string): string | undefined {
  const type = bareType(contentType);
  return FILE_EXTENSION_OF_TYPE[type] ?? (OTHER_MEDIA.test(type) ? UNKNOWN_EXTENSION : undefined);
}

/** Extensions of files that are kept compressed on a stage with `compressFiles`; they are about ten times larger than needed. */
export const COMPRESSED_EXTENSIONS: readonly string[] = ['wav', 'flac'];
