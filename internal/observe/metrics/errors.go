package metrics

import "errors"

var errHistogram = errors.New("histogram needs rising bounds and one count more than bounds")
