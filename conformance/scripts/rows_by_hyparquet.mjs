// Prints the rows of each file as hyparquet reads them: a line that is a JSON array of canonical JSON texts (the head
// of make_goldens.py), or a JSON object {"error": why}.
//
//     node --input-type=module - FILE ... < rows_by_hyparquet.mjs     in the folder of node_modules
//
// hyparquet is asked for pages, levels and the structs and repeated fields they make. The annotations are taken out of
// the schema that it gets, for it would shorten decimals and times to what JavaScript has, turn maps into objects,
// which lose order and duplicates, and decode a VARIANT; this file does what they mean, after LogicalTypes.md.

import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet"
import { compressors } from "hyparquet-compressors"

const base64 = bytes => JSON.stringify(Buffer.from(bytes).toString("base64"))
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const digits = (number, width) => String(number).padStart(width, "0")

/** The fewest digits that give `value` again after `round` to the width of the column. */
function real(value, round) {
  if (Number.isNaN(value)) return '"NaN"'
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : '"-Infinity"'
  if (Object.is(value, -0)) return "-0.0"
  for (let precision = 1; precision <= 17; precision++) {
    const text = value.toPrecision(precision)
    if (round(Number(text)) === value) return text
  }
  throw new Error(`no digits for ${value}`)
}

function half(bytes) {
  const bits = bytes[0] | bytes[1] << 8
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, bits >> 10 & 31, bits & 1023]
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent ? sign * (1024 + fraction) * 2 ** (exponent - 25) : sign * fraction * 2 ** -24
}

function signed(bytes) {
  const unsigned = bytes.reduce((number, byte) => number << 8n | BigInt(byte), 0n)
  return BigInt.asIntN(bytes.length * 8, unsigned)
}

function decimal(unscaled, scale) {
  const text = digits(unscaled < 0n ? -unscaled : unscaled, scale + 1)
  const point = text.length - scale
  return `"${unscaled < 0n ? "-" : ""}${text.slice(0, point)}${scale ? "." : ""}${text.slice(point)}"`
}

const floor = (number, by) => (number - (number % by + by) % by) / by

/** A day since 1970: JavaScript knows the calendar from the year -271821 to 275760. */
function date(day) {
  const time = new Date(Number(day) * 86_400_000)
  if (Number.isNaN(time.getTime())) throw new Error(`a day beyond those of JavaScript: ${day}`)
  const year = time.getUTCFullYear()
  const [month, ofMonth] = [time.getUTCMonth() + 1, time.getUTCDate()]
  return `${year < 0 ? "-" : ""}${digits(Math.abs(year), 4)}-${digits(month, 2)}-${digits(ofMonth, 2)}`
}

/** `digitCount` of the fraction of a second: the units of `ticks`. */
function time(ticks, digitCount) {
  const perSecond = 10n ** BigInt(digitCount)
  const seconds = ticks / perSecond
  const [hour, minute, second] = [seconds / 3600n, seconds / 60n % 60n, seconds % 60n]
  return `${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}.${digits(ticks % perSecond, digitCount)}`
}

function timestamp(ticks, digitCount, zone) {
  const perDay = 86_400n * 10n ** BigInt(digitCount)
  const day = floor(ticks, perDay)
  return `"${date(day)}T${time(ticks - day * perDay, digitCount)}${zone}"`
}

const DIGITS = { MILLIS: 3, MICROS: 6, NANOS: 9 }

function leaf(element, value) {
  const { type, logical_type: logical, converted_type: converted } = element
  const kind = logical?.type
  if (kind === "DECIMAL" || converted === "DECIMAL") {
    return decimal(value instanceof Uint8Array ? signed(value) : BigInt(value), element.scale ?? logical?.scale ?? 0)
  }
  if (type === "INT96") return timestamp(value, 9, "")
  if (type === "BOOLEAN") return String(value)
  if (type === "FLOAT") return real(value, Math.fround)
  if (type === "DOUBLE") return real(value, number => number)
  if (kind === "FLOAT16") return real(half(value), Math.fround)
  if (kind === "DATE" || converted === "DATE") return `"${date(value)}"`
  if (kind === "TIME") return `"${time(BigInt(value), DIGITS[logical.unit])}"`
  if (kind === "TIMESTAMP") return timestamp(value, DIGITS[logical.unit], logical.isAdjustedToUTC ? "Z" : "")
  const old = /^(TIME|TIMESTAMP)_(MILLIS|MICROS)$/.exec(converted)
  if (old) {
    // LogicalTypes.md: the converted types are the ones that are adjusted to UTC.
    return old[1] === "TIME" ? `"${time(BigInt(value), DIGITS[old[2]])}"` : timestamp(value, DIGITS[old[2]], "Z")
  }
  if (type === "INT32" || type === "INT64") {
    const isUnsigned = kind === "INTEGER" ? !logical.isSigned : /^UINT_/.test(converted)
    return String(isUnsigned ? BigInt.asUintN(type === "INT32" ? 32 : 64, BigInt(value)) : value)
  }
  if (["STRING", "ENUM", "JSON"].includes(kind) || ["UTF8", "ENUM", "JSON"].includes(converted)) {
    return JSON.stringify(utf8.decode(value))
  }
  if (kind === "UUID") {
    return `"${Buffer.from(value).toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}"`
  }
  if (kind === "INTERVAL" || converted === "INTERVAL") throw new Error("an interval")
  return base64(value)
}

/** Whether the repeated field in a LIST is the element, and not the layer around it. */
function isElement(list, repeated) {
  const { name, converted_type: converted } = repeated.element
  return repeated.children.length !== 1 || name === "array" || name === `${list.element.name}_tuple` ||
    converted === "LIST" || repeated.children[0].element.repetition_type === "REPEATED"
}

const array = (values, each) => `[${values.map(each).join(",")}]`

/** The canonical JSON of the field `node` in the struct `parent`. */
function field(node, parent) {
  const value = parent[node.element.name]
  if (node.element.repetition_type === "REPEATED") return array(value, each => present(node, each))
  return present(node, value)
}

function present(node, value) {
  if (value === null || value === undefined) return "null"
  if (!node.children.length) return leaf(node.element, value)
  const { converted_type: converted, logical_type: logical } = node.element
  const [repeated] = node.children
  const values = value[repeated.element.name]
  if (converted === "LIST" || logical?.type === "LIST") {
    if (isElement(node, repeated)) return array(values, each => present(repeated, each))
    return array(values, each => field(repeated.children[0], each))
  }
  if (converted === "MAP" || converted === "MAP_KEY_VALUE" || logical?.type === "MAP") {
    const [key, of] = repeated.children
    return array(values, each => of ? `{"key":${field(key, each)},"value":${field(of, each)}}` : field(key, each))
  }
  return struct(node, value)
}

function struct(node, value) {
  return `{${node.children.map(child => `${JSON.stringify(child.element.name)}:${field(child, value)}`).join(",")}}`
}

async function rows(path) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const schema = metadata.schema.map(({ converted_type, logical_type, ...element }) => element)
  const parsers = { timestampFromNanoseconds: nanoseconds => nanoseconds }
  const found = await parquetReadObjects({ file, metadata: { ...metadata, schema }, compressors, parsers, utf8: false })
  const root = parquetSchema(metadata)
  return found.map(row => struct(root, row))
}

// Of a broken file, columns that nobody waits for fail too.
process.on("unhandledRejection", () => {})
for (const path of process.argv.slice(2)) {
  const answer = await rows(path).catch(error => ({ error: error.message }))
  console.log(JSON.stringify(answer))
}
