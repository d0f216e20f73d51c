package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

type inner struct{ Name, Kind string }

type item struct {
	Name  string
	Ports []int
	Sub   *inner
	Pools []inner
	Line  int
}

type root struct {
	Title string
	Items []item
}

// compare compares by the rules of these tests: Line does not count, items have names, pools have positions.
func compare(a, b root) []Difference {
	declared := map[string]bool{"Title": true, "Items.Name": true, "Items.Ports": true, "Items.Sub.Name": true, "Items.Sub.Kind": true,
		"Items.Pools.Name": true, "Items.Pools.Kind": true}
	out := Compare(a, b, Rules{
		Declared: func(f string) bool { return declared[f] },
		Skip:     func(f reflect.StructField, _ string) bool { return f.Name == "Line" },
		Name: func(v any, i int) string {
			if it, ok := v.(item); ok {
				return it.Name
			}
			return strconv.Itoa(i)
		},
	})
	slices.SortFunc(out, func(a, b Difference) int { return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Item, b.Item)) })
	return out
}

func sample() root {
	return root{Title: "t", Items: []item{
		{Name: "a", Ports: []int{1}, Sub: &inner{Name: "s"}, Pools: []inner{{Name: "p"}}},
		{Name: "b"},
	}}
}

func TestCompare_Changes_AreNamedByFieldAndItem(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*root)
		want   []Difference
	}{
		"nothing":       {func(*root) {}, nil},
		"skipped":       {func(r *root) { r.Items[0].Line++ }, nil},
		"order":         {func(r *root) { slices.Reverse(r.Items) }, nil},
		"top":           {func(r *root) { r.Title = "u" }, []Difference{{Field: "Title"}}},
		"list as value": {func(r *root) { r.Items[1].Ports = []int{2} }, []Difference{{Field: "Items.Ports", Item: "b"}}},
		"in a pointer":  {func(r *root) { r.Items[0].Sub = &inner{Name: "s", Kind: "k"} }, []Difference{{Field: "Items.Sub.Kind", Item: "a"}}},
		"equal pointer": {func(r *root) { r.Items[0].Sub = &inner{Name: "s"} }, nil},
		"pointer went":  {func(r *root) { r.Items[0].Sub = nil }, []Difference{{Field: "Items.Sub.Name", Item: "a", Whole: true}}},
		"pointer came":  {func(r *root) { r.Items[1].Sub = &inner{} }, []Difference{{Field: "Items.Sub.Name", Item: "b", Whole: true}}},
		"item went":     {func(r *root) { r.Items = r.Items[1:] }, []Difference{{Field: "Items.Name", Item: "a", Whole: true}}},
		"item renamed": {func(r *root) { r.Items[0].Name = "c" },
			[]Difference{{Field: "Items.Name", Item: "a", Whole: true}, {Field: "Items.Name", Item: "c", Whole: true}}},
		"inner list":      {func(r *root) { r.Items[0].Pools[0].Kind = "k" }, []Difference{{Field: "Items.Pools.Kind", Item: "a"}}},
		"inner item came": {func(r *root) { r.Items[1].Pools = []inner{{}} }, []Difference{{Field: "Items.Pools.Name", Item: "b", Whole: true}}},
	} {
		a, b := sample(), sample()
		c.change(&b)
		if got := compare(a, b); !slices.Equal(got, c.want) {
			t.Errorf("%s gives %v, want %v", name, got, c.want)
		}
	}
}
