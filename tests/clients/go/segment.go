package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Segmentio's client, called kafka-go.
type segment struct{}

func (segment) name() string { return "kafka-go" }

var kinds = map[string]kafka.Compression{
	"none":   0,
	"gzip":   kafka.Gzip,
	"snappy": kafka.Snappy,
	"lz4":    kafka.Lz4,
	"zstd":   kafka.Zstd,
}

func (segment) write(topic, compression string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	writer := &kafka.Writer{
		Addr:         kafka.TCP(servers...),
		Topic:        topic,
		Balancer:     &kafka.Hash{},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: 10 * time.Millisecond,
		Compression:  kinds[compression],
		Transport:    &kafka.Transport{ClientID: "kafka-go-writer"},
	}
	defer writer.Close()
	var all []kafka.Message
	for _, record := range records(compression) {
		headers := []kafka.Header{{Key: "number", Value: []byte(record.header)}}
		all = append(all, kafka.Message{Key: []byte(record.key), Value: []byte(record.value), Headers: headers})
	}
	return writer.WriteMessages(ctx, all...)
}

func (segment) read(topic, group string, count int) ([]one, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var lock sync.Mutex
	var seen []one
	var wait, committed sync.WaitGroup
	committed.Add(2)
	errs := make([]error, 2)
	for number := range errs {
		id := "kafka-go-" + group + "-" + string(rune('0'+number))
		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers:     servers,
			Dialer:      &kafka.Dialer{ClientID: id, DualStack: true, Timeout: patience},
			GroupID:     group,
			Topic:       topic,
			StartOffset: kafka.FirstOffset,
			MaxWait:     100 * time.Millisecond,
		})
		wait.Go(func() {
			errs[number] = func() error {
				defer reader.Close()
				defer committed.Wait()
				defer committed.Done()
				var last []kafka.Message
				for ctx.Err() == nil {
					lock.Lock()
					done := len(seen) >= count
					lock.Unlock()
					if done {
						break
					}
					short, cancel := context.WithTimeout(ctx, patience/100)
					message, err := reader.FetchMessage(short)
					cancel()
					if errors.Is(err, context.DeadlineExceeded) {
						continue
					}
					if err != nil {
						return err
					}
					last = append(last, message)
					lock.Lock()
					seen = append(seen, one{string(message.Key), string(message.Value), string(message.Headers[0].Value)})
					lock.Unlock()
				}
				return reader.CommitMessages(ctx, last...)
			}()
		})
	}
	wait.Wait()
	return seen, errors.Join(errs...)
}

func (segment) more() map[string]func() error { return nil }
