// Package strict reads one YAML document and reports everything that is wrong
// with it at once, each mistake with its position and its path in the
// document.
//
// It owns what is common to every key: the limits of a hostile file, aliases
// and merges, unknown, unsupported and duplicate keys, and wrong types. It
// refuses to know what any key means, and it never builds values by
// reflection: the package strict asks for each value by its type. There is no
// I/O and no state beyond one Decoder, which one goroutine uses. Only config
// and config/check import it.
package strict
