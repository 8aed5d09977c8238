/** Content types and extensions of uploads. Both are hints: the worker inspects the bytes. */

/** Extension of an object whose content type says too little. */
const UNKNOWN_EXTENSION = 'bin';
/** Content type of a file with an unknown extension. */
const UNKNOWN_TYPE = 'application/octet-stream';

/** Content type -> extension of the stored object. The first type of an extension is the one that is written. */
export const EXTENSION_OF_TYPE: Readonly<Record<string, string>> = {
  'audio/webm': 'webm',
  'video/webm': 'webm',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/mp4': 'm4a',
  'audio/m4a': 'm4a',
  'audio/x-m4a': 'm4a',
  'video/mp4': 'mp4',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
};

/** Extensions that stored chunks can have. */
export const CHUNK_EXTENSIONS: readonly string[] = [...new Set(Object.values(EXTENSION_OF_TYPE)), UNKNOWN_EXTENSION];

/** Extensions that only files can have. */
const FILE_EXTENSION_OF_TYPE: Readonly<Record<string, string>> = {
  'audio/x-matroska': 'mkv',
  'video/x-matroska': 'mkv',
  'video/quicktime': 'mov',
};
/** Extension of a file's name -> content type, for clients. */
export const FILE_TYPE_OF_EXTENSION: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  mp2: 'audio/mpeg',
  wav: 'audio/wav',
  w64: 'audio/x-w64',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  m4b: 'audio/mp4',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  spx: 'audio/ogg',
  webm: 'audio/webm',
  mka: 'audio/x-matroska',
  aif: 'audio/aiff',
  aiff: 'audio/aiff',
  aifc: 'audio/aiff',
  caf: 'audio/x-caf',
  wma: 'audio/x-ms-wma',
  amr: 'audio/amr',
  au: 'audio/basic',
  ac3: 'audio/ac3',
  wv: 'audio/x-wavpack',
  ape: 'audio/x-ape',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  '3gp': 'video/3gpp',
  '3g2': 'video/3gpp2',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
  avi: 'video/x-msvideo',
  wmv: 'video/x-ms-wmv',
  asf: 'video/x-ms-asf',
  flv: 'video/x-flv',
  ts: 'video/mp2t',
  mts: 'video/mp2t',
  m2ts: 'video/mp2t',
  mpg: 'video/mpeg',
  mpeg: 'video/mpeg',
  vob: 'video/mpeg',
};

/** Media, unknown bytes, and names of media under `application/`. */
const MEDIA = /^(audio|video)\/|^application\/(octet-stream|ogg|mp4|x-matroska|mxf|vnd\.rn-realmedia)$|^$/;
/** Lists of other files. */
const PLAYLIST = /mpegurl|m3u|scpls|dash\+xml|smil|asx|wpl|xspf|x-pn-realaudio-plugin|ms-wax|ms-wvx/;

/** `audio/webm;codecs=opus` -> `audio/webm` */
const bareType = (contentType: string): string => contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** What happens to the channels of a recording. */
export const CHANNELS = ['mix', 'separate'] as const;

/** What a content type must be, for messages. */
export const TYPES_ACCEPTED = 'audio/* or video/* (but no playlist), application/ogg, application/octet-stream, or empty';

function extensionOf(contentType: string, known: Readonly<Record<string, string>>): string | undefined {
  const type = bareType(contentType);
  if (!MEDIA.test(type) || PLAYLIST.test(type)) return undefined;
  return known[type] ?? UNKNOWN_EXTENSION;
}

/** Extension of a stored chunk; undefined for a type that is neither audio nor video. */
export const chunkExtensionOf = (contentType: string): string | undefined => extensionOf(contentType, EXTENSION_OF_TYPE);

/** Extension of a stored file; undefined for a type that is neither audio nor video. */
export const fileExtensionOf = (contentType: string): string | undefined =>
  extensionOf(contentType, { ...EXTENSION_OF_TYPE, ...FILE_EXTENSION_OF_TYPE });

/** The content type with which an object is stored. */
export const storedType = (contentType: string): string => (bareType(contentType) === '' ? UNKNOWN_TYPE : contentType);

/** The content type that a client declares for a file. */
export const fileTypeOf = (filename: string): string =>
  FILE_TYPE_OF_EXTENSION[filename.split('.').at(-1)?.toLowerCase() ?? ''] ?? UNKNOWN_TYPE;

/** Extensions of files that are kept compressed on a stage with `compressFiles`; they are about ten times larger than needed. */
export const COMPRESSED_EXTENSIONS: readonly string[] = ['wav', 'flac'];
