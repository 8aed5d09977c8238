/**
 * Finds the programs that shell scripts and systemd units call, so that a test can compare them with what an image contains.
 * It knows the syntax that the boot scripts use. Where it is wrong, it finds too much rather than too little.
 */
import { spawnSync } from 'node:child_process';

/** Words before a command, and a command whose first argument may be one, too. */
const BEFORE = /^(?:(?:if|elif|then|else|while|until|do|time|!|exec|retry)\s+|\w+=\S*\s+)+/;
const PROGRAM = /^(?:(nice|env)\s+)?([a-z][\w.-]*)(?=\s|$)/;
const HEREDOC = /<<'?(?<end>[A-Z]+)'?(?<rest>.*)\n(?<body>[\s\S]*?\n)\k<end>\n/g;
const EXEC = /^Exec\w+=[-+!:@|]*(?<program>\S+)(?: -c '(?<script>.*)')?/gm;
const BUILTINS = new Set(spawnSync('bash', ['--norc', '-c', 'compgen -bk'], { encoding: 'utf8' }).stdout.split('\n'));

/** Replaces what contains no command: comments, quoted text, variables and redirections. Quotation marks go, `$(…)` inside them stays. */
const commandText = (script: string): string =>
  script
    .replaceAll(/\\\n/g, ' ')
    .replaceAll(/'[^'\n]*'/g, '$')
    .replaceAll(/(^|\s)#.*$/gm, '$1')
    .replaceAll(/\$\{[^}]*\}/g, '$')
    .replaceAll('"', '')
    .replaceAll(/\d?>>?&?\s*[^\s)]*|<(?!\()\s*\S*/g, '');

/** Programs that a script calls, also in its here-documents that are scripts or units. Builtins and functions are not included. */
export function commandsOfScript(script: string): string[] {
  const documents: string[] = [];
  const text = script.replaceAll(HEREDOC, (...parts) => {
    const { body = '', rest = '' } = parts.at(-1);
    documents.push(body);
    return `${rest}\n`;
  });
  const functions = new Set([...text.matchAll(/^ *(\w+)\(\)/gm)].map(([, name]) => name));
  const first = commandText(text)
    .split(/[\n;|&(){}]/)
    .map((command) => command.trim().replace(BEFORE, ''))
    .filter((command) => !/^(for|case)\s/.test(command))
    .flatMap((command) => PROGRAM.exec(command)?.slice(1) ?? [])
    .filter((name) => name !== undefined);
  const found = [...first, ...documents.flatMap(commandsOfDocument)];
  return [...new Set(found.filter((name) => !BUILTINS.has(name) && !functions.has(name)))].sort();
}

function commandsOfDocument(document: string): string[] {
  if (document.startsWith('#!/bin/bash')) return commandsOfScript(document);
  return document.includes('[Service]') ? commandsOfUnit(document) : [];
}

/** Programs that a unit calls, also in `sh -c '…'` and in environment variables that name a command. Files of ours are not included. */
export function commandsOfUnit(unit: string): string[] {
  const called = [...unit.matchAll(EXEC)].flatMap(({ groups }) => [
    groups?.['program'] ?? '',
    ...commandsOfScript(groups?.['script'] ?? ''),
  ]);
  const named = [...unit.matchAll(/_COMMAND=(\S+)/g)].map(([, program = '']) => program);
  const programs = [...called, ...named].filter((program) => !program.startsWith('/opt/chunkscribe/'));
  return [...new Set(programs.map((program) => program.split('/').at(-1) ?? program))].sort();
}
