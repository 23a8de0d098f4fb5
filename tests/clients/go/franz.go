package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

type franz struct{}

func (franz) name() string { return "franz-go" }

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func (franz) write(topic, compression string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(servers...),
		kgo.ClientID("franz-go-writer"),
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(codecs[compression]),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	var all []*kgo.Record
	for _, record := range records(compression) {
		headers := []kgo.RecordHeader{{Key: "number", Value: []byte(record.header)}}
		all = append(all, &kgo.Record{Key: []byte(record.key), Value: []byte(record.value), Headers: headers})
	}
	return client.ProduceSync(ctx, all...).FirstErr()
}

func (franz) read(topic, group string, count int) ([]one, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var lock sync.Mutex
	var seen []one
	var wait, committed sync.WaitGroup
	committed.Add(2)
	errs := make([]error, 2)
	for number := range errs {
		wait.Go(func() {
			errs[number] = func() error {
				client, err := kgo.NewClient(
					kgo.SeedBrokers(servers...),
					kgo.ClientID(fmt.Sprintf("franz-go-%s-%d", group, number)),
					kgo.ConsumerGroup(group),
					kgo.ConsumeTopics(topic),
					kgo.DisableAutoCommit(),
				)
				if err != nil {
					committed.Done()
					return err
				}
				defer client.Close()
				// Whoever leaves makes the others join again.
				defer committed.Wait()
				defer committed.Done()
				for ctx.Err() == nil {
					lock.Lock()
					done := len(seen) >= count
					lock.Unlock()
					if done {
						break
					}
					short, cancel := context.WithTimeout(ctx, patience/100)
					fetches := client.PollFetches(short)
					cancel()
					lock.Lock()
					fetches.EachRecord(func(record *kgo.Record) {
						seen = append(seen, one{string(record.Key), string(record.Value), string(record.Headers[0].Value)})
					})
					lock.Unlock()
				}
				return client.CommitUncommittedOffsets(ctx)
			}()
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (franz) more() map[string]func() error { return nil }
