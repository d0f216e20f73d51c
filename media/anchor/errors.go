package anchor

import (
	"errors"

	"gatehouse/media/profile"
)

var (
	errClosed      = errors.New("media plane is closed")
	errUnknownEnd  = errors.New("media end does not exist or was closed")
	errUnknownZone = errors.New("zone has no media addresses")
	errNoFamily    = errors.New("zone has no media address of that family")
	errStream      = errors.New("stream number out of range")
	errNoPorts     = profile.ErrNoPorts
)
