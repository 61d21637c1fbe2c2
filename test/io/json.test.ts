import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, parseJson } from "../../src/io/json.ts";

describe("JSON", () => {
  it("is what JSON.parse reads, whatever its values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("may begin with byte order marks", () => {
    expect(parseJson('\ufeff{"a":1}')).toEqual({ a: 1 });
    expect(parseJson("\ufeff\ufeff[1]")).toEqual([1]);
  });

  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a": 1, "b" : [{"c": {}}], "a"\n: 1}', "a"],
    ['[{"x":{"b":1,"\\u0062":2}}]', "b"],
    ['{"__proto__":1,"__proto__":1}', "__proto__"],
    ['{"q\\"":1,"q\\"":1}', 'q\\"'],
  ])("%s is refused", (text, key) => {
    expect(() => parseJson(text)).toThrow(`has the key "${key}" twice in one object`);
  });

  it.each(['{"a":{"a":1},"b":"a"}', '[{"a":1},{"a":1}]', '{"a":"b","b":"a","c":"{\\"a\\":1,\\"a\\":2}"}'])(
    "%s has no key twice",
    (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    },
  );

  it("that is cut says so", () => {
    expect(() => parseJson('{"a":')).toThrow(/^is not JSON: /);
  });
});

it("text is UTF-8 or UTF-16, with or without a byte order mark", () => {
  const units = (text: string) => Buffer.from(text, "utf16le");
  expect(decodeText(Buffer.from("\ufeffé,1"))).toBe("é,1");
  expect(decodeText(Buffer.from("é,1"))).toBe("é,1");
  expect(decodeText(units("\ufeffé,1"))).toBe("é,1");
  expect(decodeText(units("\ufeffé,1").swap16())).toBe("é,1");
});
