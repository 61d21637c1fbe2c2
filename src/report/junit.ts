/**
 * Test results as JUnit XML, which CI systems show: suites of cases that passed or failed. The form is that of the Ant task,
 * as Jenkins, GitLab and GitHub actions read it; without times, so that the same results are the same bytes.
 */
import { visible } from "../core/input/visible-text.ts";

/** Cases that belong together. */
export interface TestSuite {
  readonly name: string;
  readonly cases: readonly TestCase[];
}

/** One case; without a failure it passed. */
interface TestCase {
  readonly name: string;
  readonly failure?: {
    readonly type: string;
    /** One line. */
    readonly message: string;
    /** What is to be known, one line each. */
    readonly details: readonly string[];
  };
}

/** The file. Names and texts are data: whatever they hold, the XML is well-formed. */
export function junitXml(name: string, suites: readonly TestSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name, ...counted(all) })}>`,
    ...suites.flatMap(suiteLines),
    "</testsuites>",
    "",
  ].join("\n");
}

function suiteLines({ name, cases }: TestSuite): string[] {
  return [
    `  <testsuite${attributes({ name, ...counted(cases), errors: 0, skipped: 0 })}>`,
    ...cases.flatMap((each) => caseLines(each, name)),
    "  </testsuite>",
  ];
}

function caseLines({ name, failure }: TestCase, classname: string): string[] {
  const tag = `    <testcase${attributes({ classname, name })}`;
  if (failure === undefined) return [`${tag}/>`];
  const { type, message, details } = failure;
  return [
    `${tag}>`,
    `      <failure${attributes({ type, message })}>${details.map(escaped).join("\n")}</failure>`,
    "    </testcase>",
  ];
}

function counted(cases: readonly TestCase[]): { tests: number; failures: number } {
  return { tests: cases.length, failures: cases.filter(({ failure }) => failure !== undefined).length };
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** XML 1.0 has no way to write halves of surrogate pairs and the two noncharacters, not even as references; nor control characters. */
const NO_XML = /[\p{Cs}\uFFFE\uFFFF]/gu;

function escaped(text: string): string {
  return visible(text)
    .replace(NO_XML, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
