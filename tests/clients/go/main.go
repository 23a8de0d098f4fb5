// Go clients against the brokers in KAFKA_BOOTSTRAP_SERVERS: a line for each client and feature, and status 1 if one fails.
//
// The same check as tests/clients/check.py: 1000 records with keys and headers, in every compression, read by a group of two
// that commits, leaves and comes again.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	count    = 1000
	patience = 30 * time.Second
)

var (
	servers      = strings.Split(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), ",")
	compressions = []string{"none", "gzip", "snappy", "lz4", "zstd"}
)

// One is a record as it is written and read.
type one struct {
	key, value, header string
}

func records(compression string) []one {
	all := make([]one, count)
	for n := range all {
		header := string(binary.BigEndian.AppendUint32(nil, uint32(n)))
		all[n] = one{fmt.Sprintf("k%d", n%7), fmt.Sprintf("%s %d", compression, n), header}
	}
	return all
}

type client interface {
	name() string
	write(topic, compression string) error
	// Reads until so many records are there, in a group of two, commits and leaves.
	read(topic, group string, count int) ([]one, error)
	// What only this client shows.
	more() map[string]func() error
}

func readAll(c client, topic, group, compression string) error {
	seen, err := c.read(topic, group, count)
	if err != nil {
		return err
	}
	missing := map[one]bool{}
	for _, record := range records(compression) {
		missing[record] = true
	}
	for _, record := range seen {
		delete(missing, record)
	}
	if len(missing) > 0 || len(seen) != count {
		return fmt.Errorf("%d records, %d are missing", len(seen), len(missing))
	}
	return nil
}

func main() {
	failed := false
	tell := func(c client, feature string, err error) {
		if err == nil {
			fmt.Printf("%s\t%s\tok\n", c.name(), feature)
			return
		}
		failed = true
		fmt.Printf("%s\t%s\tFAILED\n", c.name(), feature)
		fmt.Fprintf(os.Stderr, "%s: %s: %v\n", c.name(), feature, err)
	}
	for _, c := range []client{franz{}, segment{}} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], c.name()) {
			continue
		}
		for _, compression := range compressions {
			topic := c.name() + "-" + compression
			err := c.write(topic, compression)
			if err == nil {
				err = readAll(c, topic, topic, compression)
			}
			tell(c, compression, err)
		}
		topic := c.name() + "-none"
		err := c.write(topic, "none")
		if err == nil {
			err = readAll(c, topic, topic, "none")
		}
		tell(c, "resume", err)
		for feature, check := range c.more() {
			tell(c, feature, check())
		}
	}
	if failed {
		os.Exit(1)
	}
}
