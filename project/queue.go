package project

import "github.com/tamylaa/clodo/internal/source"

// queueConsumer reads one entry of wrangler's queues.consumers.
func queueConsumer(v *source.Value) QueueConsumer {
	return QueueConsumer{
		Queue: v.Get("queue").Str(), DeadLetterQueue: v.Get("dead_letter_queue").Str(), BatchSize: whole(v.Get("max_batch_size"), 1),
		MaxWaitMS: whole(v.Get("max_batch_timeout"), 1000), MaxRetries: whole(v.Get("max_retries"), 1),
		MaxConcurrency: whole(v.Get("max_concurrency"), 1), RetryDelay: whole(v.Get("retry_delay"), 1), Pos: v.Get("queue").At(),
	}
}

// whole is a number in a unit of which one of the file's has several; nil when there is
// none.
func whole(v *source.Value, units float64) *int {
	var n int
	switch x := v.Any().(type) {
	case int64:
		n = int(float64(x) * units)
	case float64:
		n = int(x * units)
	default:
		return nil
	}
	return &n
}
