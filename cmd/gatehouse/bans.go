package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
)

// defaultAPI is where the API listens in the examples.
const defaultAPI = "http://127.0.0.1:8060"

// apiFlags are what every command that asks a running gateway takes.
type apiFlags struct {
	address, tokenFile string
	json               bool
}

func (f *apiFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.address, "api", defaultAPI, "address of the gateway's API (admin.listen)")
	cmd.PersistentFlags().StringVar(&f.tokenFile, "token-file", "", "file with the API's token (admin.token_file)")
	cmd.PersistentFlags().BoolVar(&f.json, "json", false, "print the API's answer instead of a table")
}

func (f *apiFlags) client() (*admin.Client, error) {
	token := ""
	if f.tokenFile != "" {
		b, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	return admin.NewClient(f.address, token)
}

func bansCommand() *cobra.Command {
	var f apiFlags
	cmd := &cobra.Command{
		Use:   "bans",
		Short: "List the sources that a running gateway has shut out",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			bans, raw, err := c.Bans(cmd.Context())
			if err != nil {
				return err
			}
			if f.json {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			return printBans(cmd.OutOrStdout(), bans, time.Now())
		},
	}
	f.add(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:   "remove SOURCE",
		Short: "Let a source in again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return c.Unban(cmd.Context(), args[0])
		},
	})
	return cmd
}

// printBans writes a table for people: how long ago and how much longer say more than two dates.
func printBans(out io.Writer, bans []admin.Ban, now time.Time) error {
	if len(bans) == 0 {
		_, err := fmt.Fprintln(out, "no source is banned")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tREASON\tOFFENCES\tSINCE\tLEFT\tEFFECT")
	for _, b := range bans {
		effect := "dropped"
		if b.DryRun {
			effect = "none (dry run)"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", printable(b.Source), printable(b.Reason), b.Offences,
			b.Since.Local().Format(time.DateTime), max(0, b.Until.Sub(now)).Round(time.Second), effect)
	}
	return w.Flush()
}

// printable quotes what could steer a terminal.
func printable(s string) string {
	if q := strconv.QuoteToASCII(s); q != `"`+s+`"` {
		return q
	}
	return s
}
