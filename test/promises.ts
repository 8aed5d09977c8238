/** The promised behaviours: id -> sentence. Tests carry the ids in their titles, as `[id]` or as a pytest marker; docs/promises.md lists both. */
export const PROMISES: Readonly<Record<string, string>> = {
  'security.logs': 'Logs contain no transcript text, token or signed URL.',
  'media.formats': 'The words of a recording are recognized in every container, codec and layout that people send.',
  'media.clock': "Times are those of the recording's container: late starts, missing packets and pauses keep their place.",
  'media.channels': 'All channels and tracks are transcribed, mixed or each alone.',
  'media.damage': 'What can be decoded of a damaged recording is transcribed; the rest is listed with its position.',
  'transcript.no-signal': 'A transcript lists where the microphone delivered no sound, and not where it was only quiet.',
  'transcript.marks': 'Texts and subtitles say where something is missing, and who speaks.',
  'transcript.subtitles':
    'Subtitles can be read: lines of at most 42 characters, at most two of them, and no cue that flashes by.',
  'security.tenants':
    "Access to another user's session is a 403 and changes nothing. Only tokens of the stage's own client are valid.",
  'security.template': 'Storage is private and encrypted, machines have no open ports, and permissions are minimal.',

  'session.resumed': 'A completed recording can go on; one recorder at a time writes its next chunks.',
  'session.notes': 'Notes and interruptions are listed at their time in the recording.',
  'session.prompt': 'Prompt and hotwords of a recording, or else of its user, reach the model.',
  'stores.contract': 'The memory and DynamoDB stores behave the same.',

  keys: 'The server builds every key, and no other key is parsed as a chunk.',

  'code.rooms': 'Rooms import only what their rules allow, and no source file exceeds 400 lines.',

  'api.described':
    'The API description is generated from the schemas that parse its requests. The served document is up to date and complete.',

  'clients.examples': 'The recorder examples in the docs work as described.',

  'api.quota':
    'A flood of calls by one user gets 429 with Retry-After, which our clients obey, and affects no other user. Five times the maximum calls of our own pages are never refused.',
  'api.lists':
    'Every page of a list but the last is full, even if rows in between are deleted or filtered, and cursors skip no row.',
  'api.held':
    'Markup in any text stays plain text in every response and page. Concurrent uploads with duplicates and gaps create one row per chunk.',
  'api.owner': 'Only the owner of a session and admins can call its routes. A deleted session is reported as deleted.',

  'batch.lock':
    'A recording blocks the batch while it renews its lock, for at most twelve hours. Only its owner or an admin can release it.',
  'batch.turn': 'A batch that was blocked for six hours runs with lower priority than recordings.',
  'batch.finds':
    'A batch detects pending chunks, chunks whose event was lost, and missing or damaged results, including those of older clients.',
  'batch.skipped': 'If no chunk is missing, or a recording holds the lock, no GPU is started and the report states the reason.',
  'batch.once': 'Only one run is active at a time. A run that dies at any point is finished by the following ticks.',
  'batch.mail':
    'A user who enabled mail gets one mail for each session that the batch completed. It contains no transcript text.',

  'operation.cli': 'Everything can be operated and tested from the command line, interactively and in scripts.',
  'operation.alarms': 'Every alarm names its section of the runbook, and every section has an alarm.',

  'boundary.lead-in':
    'Words at a chunk boundary are complete even if the client uploads no overlap. A late, replaced or failed neighboring chunk changes only that boundary.',
  'boundary.reads-as-one': 'Punctuation, capitals, segments and times at a boundary read as one text.',
  'boundary.cost': 'Joining two chunks takes a bounded number of steps, however much they have in common.',
  'boundary.languages-agree':
    'The Python service joins the parts of a file by the same rule as the TypeScript code joins chunks.',

  'transcript.language':
    'The language of a transcript is that of most of its words. Segments keep their own languages. A transcript without words has no language.',
  'transcript.unspaced': 'Texts in scripts without spaces have no spaces between their words, on the pages and in every export.',
  'transcript.paragraphs':
    'The paragraphs of a text end at pauses and with sentences; only a sentence of more than 250 words is divided. Pages and exports have the same ones.',
  'transcript.word-times': 'Every word lasts at least 20 ms and ends before the next one starts.',
  'transcript.unheard': 'Speech without recognized words is listed as failed, but not where a neighboring chunk has the words.',

  'deployment.doctor': 'The doctor prints one line per check, with a remedy for each failed one.',
  'deployment.guide':
    'The commands of the guide deploy a stage, check it and destroy it. Invalid values are reported before anything is created.',
  'deployment.image': 'A deployment replaces no machine because AWS has a newer image.',
  'deployment.import':
    'Sessions and jobs of older systems are imported with their texts. Jobs that never ended become failed, and missing text is left to the batch.',
  'deployment.machine':
    'A GPU machine installs itself, and later boots ask neither the package index nor the model hub. New code never delays work or replaces code that works by code that does not.',
  'deployment.own-image':
    "An image of one's own for volumes of 20 GB contains every program that the boot scripts and units call, and the estimate compares its cost with that of AWS's image.",
  'aws.conflicts': 'While many writes meet other transactions, no call fails and no chunk is lost or suspected.',
  'deployment.kept': 'A stage that is destroyed keeps its recordings, texts and tables, unless it is disposable.',
  'deployment.unkind':
    'The tests run against an emulator that conflicts, throttles, fails, refuses and takes machines away as AWS does.',
  'deployment.smoke':
    'One command tests everything on an AWS account, with a stage of its own that it deletes. It shows the costs, asks first, and touches no other stage.',
  'deployment.template':
    'cfn-lint and cdk-nag find nothing in the template, no resource is replaced by accident, and all permissions are documented and enforced.',

  'protocol-model.making':
    'Commands in this repository create the protocol model, which is evaluated on speech that was excluded from its training.',

  'operation.overdue-batch':
    'After six hours without a successful batch run an alarm is sent, but not for a stage that is younger than that.',
  'operation.usage': 'An error of the command line names the invalid option, field, file or address, and the accepted values.',

  'start.at-once': 'A problem that prevents a start is reported in one line before anything is installed.',
  'start.options': 'A start whose options differ from those of the running host reports this, and how to apply them.',
  'start.interrupted': 'Ctrl+C during a start ends it in order, without a stack trace, and with exit status 130.',
  'start.reset': 'A reset removes the files of the local host, and nothing else.',
  'start.versions':
    'The launcher, the packages and the documents name the same minimum versions of Node and Python, and the locks of the worker fit its extras.',
  'start.older-home':
    'A home and rows that an earlier version has written open: their texts are read, corrected and transcribed again.',
  'start.dev':
    '`npm run dev` shows changes of the pages at once, in front of a running host, and refuses other pages as the host does.',

  'doors.as-described':
    'Every call accepts exactly the bodies and queries that its description allows, and refuses all others before it reads or writes anything.',
  'doors.chunk-count':
    'A chunk count far above the highest received number is refused. A count that uploads in progress can explain is accepted.',
  'doors.sample-rates':
    'Audio at sample rates that no recorder uses is refused, because one kilobyte of it could claim to be minutes long.',

  'corrections.limits':
    'Corrections of the documented size are accepted. Rules that would delay other work are refused by number, and skipped if they are already stored.',
  'corrections.two-tabs':
    'A change keeps the fields that it omits. A tab that would overwrite newer corrections gets a conflict and keeps what the user typed.',

  'files.way':
    'A file of any supported type is cut at pauses and transcribed in parts. The parts become one text with a paragraph each.',
  'files.no-word-lost': 'Cutting a file loses or repeats no word, even in speech without pauses.',
  'files.progress': 'Progress counts the audio that is already transcribed, names the current stage, and never decreases.',
  'files.crashes': 'A file completes even if a process dies in the middle of it, and no part is transcribed twice.',
  'files.control': 'A job can be cancelled in every state, retried without a new upload, and deleted with all its data.',
  'files.once': 'The same content with the same options is transcribed only once per user.',
  'files.stuck': 'A job without progress is resumed or fails. An upload that is never completed is abandoned after a day.',
  'files.door':
    'A file that cannot be transcribed is refused with a readable reason before anything is stored. One request creates one job.',
  'files.hostile':
    'A file that is not audio fails as unsupported media. It opens no other file and no socket, and takes no more memory than audio.',
  'files.live-first': 'Live recordings have priority over files, even while a file is being transcribed.',
  'files.upload': 'Large files are uploaded in parts, and each part can be uploaded again on its own.',
  'files.webhooks':
    "Each end of a job or session is delivered once to the user's server, with a signature. Failed deliveries are retried. Private addresses cannot be called.",
  'files.examples': 'The file examples in the docs work as described.',
  'files.too-long': 'Work that exceeds the time limit for its length is abandoned.',
  'files.mail': 'A user who enabled mail gets one mail when a file is transcribed or has failed.',
  'files.numbers':
    "The success rate, the speed, the age of pending work, stuck jobs and the worker's memory are counted and shown.",
  'files.cli': 'A user transcribes files from the command line, sees their progress, and can continue after Ctrl+C.',
  'files.content-decides': 'The content of a file, not its name or type, decides whether it is transcribed.',
  'files.one-by-one':
    'Each file on a command line is processed independently: an invalid one is reported by name, and the others are transcribed.',

  'gpu.started-and-stopped': 'The GPU runs only while there is work, and its stop is confirmed.',
  'gpu.never-under-somebody': 'No machine is stopped while it has a live holder, in any order of events.',
  'gpu.no-lost-wish': 'A chunk that arrives while the last run leaves is served.',
  'gpu.reaper': 'The reaper removes a run that died and stops its machine.',
  'gpu.aborted': 'An aborted run leaves no machine running, and the next run does its work.',
  'gpu.worker-stops-itself':
    'A machine without a run shuts itself down. A worker that cannot start reports the reason and uses no attempt.',
  'gpu.four-stoppers':
    'Each of the four stoppers is sufficient on its own: the machine is stopped within three minutes, whatever fails.',
  'gpu.pool':
    'A large backlog uses several machines. Without capacity, the next machine is tried; without any, the work stays pending with the reason.',
  'gpu.by-hand':
    'An admin can hold a machine until a deadline. Nothing stops it during that time, and it stops when the hold ends.',
  'gpu.budget':
    'When the daily budget is spent, nothing is started. Work stays pending with the reason, and recording continues.',
  'gpu.cost':
    'GPU time is the union of the running times that EC2 reports, divided among the sessions that were transcribed in it.',

  'host.durable':
    'What the local host has answered survives kill -9 of its emulator, which is started again. Uploads are refused while the disk is full.',
  'host.life': 'Only one local host runs at a time. It keeps its recordings after kill -9 and leaves no process behind.',
  'host.sample':
    'The shipped sample is ordinary English by three speakers with known words, on which word error rates are measured.',
  'host.loopback': 'The local host accepts only its own host names, and only requests of its own pages.',
  'host.secrets': 'Each home has its own keys and password. No page serves them, and no other user of the machine can read them.',
  'host.emulator': 'The local host adds the behavior that the product needs and the emulator lacks.',

  'language.doors':
    'A language is accepted in all forms that clients use. A language that the model does not support is refused with the list of supported ones, before anything is queued.',

  'retranscribe.sessions':
    'A completed session can be transcribed again with another model or language. Edits stay. The old text stays until the new one is complete, and for chunks that fail.',
  'retranscribe.files':
    'A completed file can be transcribed again. The job stays completed, sends no further events, and keeps its text and waveform until the new ones are ready.',

  'model.default':
    'The first start gets the published tiny.en from the model hub or the package index, with the same bytes from both.',
  'model.download': 'A download is verified and shows its size. After an interruption it is resumed or restarted.',
  'model.failures':
    'A hub that returns a web page, an error or nothing, and a file with a wrong byte, are reported in one line with exit status 1. Nothing is left behind.',
  'model.verified': 'Files are verified before they are used: all of them once, then those that have changed.',
  'model.folders':
    "A user's model folder works with the files that CTranslate2 needs, is recognized by its published name, and is refused if it is damaged.",
  'model.shown': 'Start, pages and doctor show which model runs and, for an English-only model, how to use another one.',

  'speakers.known':
    "A stage can allow known voices: a user saves the voice of a named speaker, and the user's later transcripts suggest the name, never apply it. No other user's transcripts do, and deleted voices are gone.",
  'speakers.names': 'A user names, merges and reassigns speakers. Names belong to voices, and stay when the text is made again.',
  'speakers.number':
    'A user says how many speakers there are, at least and at most; the text of a recording or file has as many.',
  'transcript.corrected': 'Corrections apply to ranges and speaker turns as to whole texts.',
  'pages.day':
    'A recording survives pauses, lost, changed and muted microphones; the session says what happened. It can go on later.',
  'pages.record':
    'A user records in a browser, reads the text while speaking and the complete text seconds after Stop, and can play any word.',
  'pages.nothing-lost':
    'Recorded audio stays on the device until the server has decoded it. A lost network, a crashed tab and a full device lose nothing.',
  'pages.two-of-everything': "Two tabs, and two users on one device, do not interfere with each other's recordings.",
  'pages.microphone': 'A denied or lost microphone is reported in a message.',
  'pages.transcript':
    'A transcript can be played, searched, edited, copied and downloaded. Gaps and uncertain words are marked. Edits and corrections keep their times.',
  'pages.long':
    'A transcript of hours is shown and searched as quickly as a short one, and the browser finds, prints and reads aloud its whole text.',
  'pages.files':
    'Files are uploaded with progress, resume after a reload without uploading a part twice, and are read and played like recordings.',
  'pages.operator': 'An admin sees pending work, permanently failed chunks and costs, and can start the batch.',
  'pages.for-everybody': 'Every page fits a phone, works with a keyboard, and passes axe, in light and dark mode.',
  'pages.safe':
    'The pages have no inline script or style, no third-party content and no readable token on the device. The recorder is at most 150 KB of JavaScript.',
  'pages.published': "The deployment publishes the built pages with the stage's configuration.",

  'pressure.corrections': 'Applying the corrections of a user with thousands of chunks delays no other user.',
  'pressure.contained':
    'A session, file or user whose processing fails or never ends does not block the others, and the failure is counted.',
  'pressure.complete':
    'Stop returns within seconds, however much work is pending: the state is written first, then messages are sent in batches. A crash in between loses nothing.',
  'pressure.overwritten':
    'The text of a chunk is always that of its current bytes, even if they were overwritten and events were lost or reordered.',
  'pressure.frozen-worker':
    'A worker whose process is frozen is killed before its lease expires, and its chunks are then processed at once.',

  'recording.order':
    'Chunks may arrive in any order, more than once and with gaps. Nothing is lost, and nothing is transcribed twice.',
  'recording.gaps': 'A missing chunk makes the transcript partial. The gap is listed, and later text keeps its times.',
  'recording.real': 'The text is really computed from the audio: another recording has another text.',
  'recording.replace':
    'Other bytes for an existing chunk number are a conflict unless the client requests a replacement, which discards the old result.',
  'recording.stored-only':
    'A session with live: false is only stored: no message is sent and no GPU is started, not even on complete.',

  'events.lost': 'Repeated, late and lost events and lost responses delay work, but never cause wrong results.',

  'media.hostile': 'Hostile media open no other file and no socket, and cannot block the worker.',

  'session.deleted': 'A deleted session loses its audio, results and rows, and nothing of it appears afterwards.',
  'session.abandoned':
    'A recording that is never stopped is closed automatically half an hour after its last chunk. Later chunks still count.',
  'session.live': 'A live recording starts the GPU when it begins, and its text can be read while it grows.',
  'session.flat': 'A new chunk, a poll and the end of a recording read as much in a recording of a day as in one of minutes.',
  'session.many': "Many recordings of several users can run at once, and no user sees another's.",

  'chunk.retry': 'A permanently failed chunk can be retried, and a range can be transcribed at once.',
  'chunk.overlap': 'Overlapping chunks are joined without repeated, lost or cut words.',
  'chunk.stream-pieces':
    'Pieces of one stream, of which only the first has a header, are transcribed without loss at their boundaries.',

  'cache.same-bytes': 'The same bytes of the same user are not transcribed twice.',

  'service.way':
    "A file is accepted, followed and read over HTTP. The same content is transcribed once. The end of a job is reported to the client's callback, signed.",
  'service.openai':
    "OpenAI's own clients work unmodified: every format, words, segments, streams and errors. A repeated request is not transcribed again.",
  'service.survives':
    'kill -9, the end of the model process and a burst of requests lose no accepted work, and nothing is transcribed twice.',
  'service.refuses':
    'Invalid requests are refused with a reason: no audio, too large, unknown model or job, names that are paths, foreign pages and host names, a missing token, forbidden callback addresses.',
  'service.abuse':
    'Slow, broken and hostile clients, and a full disk, are refused within a time limit, leave nothing behind, and delay no other client or receiver.',

  'mcp.tools':
    'An assistant transcribes, follows, lists, reads and searches recordings over MCP, within the folders that it may use.',
  'mcp.files':
    'The MCP server never changes a file that it did not write. Any server that sees the end of a job removes its status file.',

  'speech.words': 'The words of real speech, whole and in chunks, are those that faster-whisper returns for the whole recording.',
  'speech.loss': 'Speech that the model skips is decoded again or listed, never lost silently.',
  'speech.independence': 'The text of a clip is the same alone and in any batch.',
  'speech.lead-in':
    'A chunk is decoded with the end of the previous one, whatever the state of that chunk, and keeps only its own words.',
  'speech.session-language':
    'The first language that is detected with confidence is used for the chunks of a recording whose language is uncertain.',
  'speech.languages': 'Each clip of a batch, and each part of a bilingual recording, has its own language. Silence has none.',
  'speech.cases': 'A spoken repetition is kept, a prompt that is also spoken is text, and sounds without speech have no words.',
  'speech.product':
    'In the API, the pages and the service, concurrent recordings and files each have their own language, silence has neither language nor text, a spoken repetition is kept, and unknown languages are refused before anything is queued.',

  'transcript.formats':
    'Transcripts are available as json, txt, srt, vtt, Markdown and Word documents, which other software reads as they are meant.',
  'transcript.ranges': 'The text of a time range has each word once, and its coverage is accurate.',
  'transcript.never-back': 'Concurrent assemblies end with a transcript of the newest rows.',

  corrections:
    'Corrections and target words apply to all text of a user, including existing text, without another transcription.',

  speakers:
    'Diarized segments get their text, and each word is used at most once. A stage with a speaker model detects the speakers itself.',

  'transcript.nothing-invented':
    'Loops and speech without words are decoded again, then cut or listed. Spoken repetition is kept.',
  'transcript.edits':
    "Edits replace transcribed words, stay after a retranscription, and are not overwritten by another client's edits.",
  'transcript.player': 'A player gets the audio with its positions in time, and the waveform.',
  'transcript.silence':
    'Silence, noise, a tone and music result in no words, a complete session, and no further start of the GPU.',

  'worker.aws-failures':
    'While AWS conflicts, throttles or fails, a worker loses nothing, counts no attempt and suspects no chunk.',
  'worker.killed':
    'After kill -9 of the worker, only the chunks that it had claimed are processed again, when their leases have expired. Nothing is lost or billed twice.',
  'worker.zombie': 'A worker that was paused beyond its lease writes nothing when it continues.',
  'worker.stopped': 'On SIGTERM, the worker finishes or releases its chunks. A commanded stop uses no attempt.',
  'worker.poison': 'A chunk is tried at most three times. After that, it has failed permanently, with the reason.',
  'worker.suspects':
    'After a worker died, its claimed chunks are transcribed alone. Only a death while alone counts, and the second one fails the chunk permanently. Intended stops never count.',
  'worker.claims': 'No order of claims, deaths, stops and replaced bytes loses a chunk, commits it twice, or changes a result.',
  'worker.machine-faults':
    'A full disk, a model that does not load and a reclaimed machine use no attempt. The worker stops claiming and reports the reason.',
};
