package strict

// Key describes one key of the file: for the reference, and for the decoder,
// which refuses what is not listed.
type Key struct {
	// Name is the key itself.
	Name string
	// Want is what its value looks like.
	Want string
	// Default is what counts when it is absent; "" when it is required or has none.
	Default string
	// Required keys must be given.
	Required bool
	// Later keys belong to the format but not to this version.
	Later bool
	// Field is the field of the configuration it fills, such as Zones.Listen; "" for a section or a later key.
	Field string
	// Also is a second field that it decides, such as what the file holds that it names; "" for most.
	Also string
	// Doc says in one or two sentences what it does.
	Doc string
}

// Section describes one mapping of the file.
type Section struct {
	// Path is where it stands: "" is the document, NAME stands for any name, [] for a list item.
	Path string
	// Doc says what it is for.
	Doc string
	// Keys are in the order of the reference.
	Keys []Key
}

// Supported lists the keys of this version.
func (s Section) Supported() []string {
	list := make([]string, 0, len(s.Keys))
	for _, k := range s.Keys {
		if !k.Later {
			list = append(list, k.Name)
		}
	}
	return list
}

// isLater reports whether name is a key of a later version.
func (s Section) isLater(name string) bool {
	for _, k := range s.Keys {
		if k.Name == name {
			return k.Later
		}
	}
	return false
}
