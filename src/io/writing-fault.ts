/** Why a file cannot be written, in a sentence: systems name their own calls, and files that are not the user's. */
import { InputError, isInternal, reasonOf } from "./faults.ts";

/** What failed and what would help, by what systems say (errno). */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; valid: free some of it, or another disk",
  EDQUOT: "the quota of this user is used up; valid: remove files, or another disk",
  EACCES: "this user has no permission to write there; valid: another folder, or permission to write",
  EPERM: "the system does not permit it; valid: another folder, or permission to write",
  EROFS: "its file system is read-only; valid: another folder",
  EISDIR: "it is a folder; valid: the path of a file",
  ENOTDIR: "a part of its path is a file, not a folder; valid: another path",
  ENOENT: "its folder cannot be made there, or was removed meanwhile; valid: another folder",
  ELOOP: "links of its path lead in a circle; valid: another path",
  ENAMETOOLONG: "a name of its path is too long for the file system; valid: a shorter one",
  EMFILE: "this process has too many files open; valid: a higher limit (ulimit -n), or fewer threads",
  ENFILE: "this computer has too many files open; valid: fewer programs at once",
  EFBIG: "it is larger than the file system or a limit (ulimit -f) allows; valid: another disk",
  ETXTBSY: "it is a program that is running; valid: another path",
  EBUSY: "another program uses it; valid: another path, or close that program",
  EIO: "the disk failed; valid: another disk",
};

/** What failed, by the code of a system's error alone; undefined for other errors. */
export function systemReason(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return Object.hasOwn(REASONS, code) ? `${REASONS[code]} (${code})` : undefined;
}

/** The error that says why `path`, as the user named it, cannot be written. An error of what was to be written stays as it is. */
export function writingFault(path: string, error: unknown): Error {
  const reason = systemReason(error);
  if (reason === undefined && (error instanceof InputError || (isInternal(error) && error.constructor !== Error)))
    return error;
  return new InputError([`${path}: cannot be written: ${reason ?? reasonOf(error)}`], { cause: error });
}
