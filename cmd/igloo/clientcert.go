package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/simulator"
)

// clientFlags say how igloo shows itself to a server, and whom it trusts.
type clientFlags struct {
	ClientCert string
	ClientKey  string
	MTLS       bool
	CACert     string
}

func (f *clientFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.ClientCert, "client-cert", "", "with --to, show the client certificate in `FILE`, its intermediate behind it")
	flags.StringVar(&f.ClientKey, "client-key", "", "key of the client certificate: `FILE`")
	flags.BoolVar(&f.MTLS, "mtls", false, "with --to, show the stand-in for Meta's client certificate (igloo mtls)")
	flags.StringVar(&f.CACert, "cacert", "", "with --to, trust the certificate authorities in `FILE`, too")
}

// first returns the first of these flags that is given, "" for none.
func (f *clientFlags) first() string {
	switch {
	case f.ClientCert != "":
		return "--client-cert"
	case f.ClientKey != "":
		return "--client-key"
	case f.MTLS:
		return "--mtls"
	case f.CACert != "":
		return "--cacert"
	}
	return ""
}

func (f *clientFlags) given() bool { return f.first() != "" }

// hint says what helps when a server over TLS gave no answer; "" when TLS is not why.
func (f *clientFlags) hint(err error) string {
	var name x509.HostnameError
	alert, isAlert := errors.AsType[*net.OpError](err)
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "name the authority that signed it: --cacert FILE"
	case errors.As(err, &name) && name.Certificate != nil && len(name.Certificate.DNSNames) > 0:
		return fmt.Sprintf("use a name that it is for: --to https://%s/…", clean(name.Certificate.DNSNames[0]))
	case errors.As(err, &name):
		return "give the server a certificate for the name in --to"
	case errors.As(err, new(x509.CertificateInvalidError)):
		return "give the server a certificate that is valid now"
	case errors.As(err, new(tls.RecordHeaderError)):
		return "write --to http://…"
	case isAlert && alert.Op == "remote error" && f.MTLS: // an alert of the server's
		return "let the server trust the stand-in's authority: igloo mtls ca"
	case isAlert && alert.Op == "remote error" && f.ClientCert != "":
		return "let the server trust the authority of --client-cert"
	case isAlert && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate"):
		return "it asks for a client certificate: --mtls shows the stand-in for Meta's"
	}
	return ""
}

// maxPEM bounds a file of certificates.
const maxPEM = 4 << 20

// clientConfig reads the files that the flags name.
func (c *command) clientConfig(f clientFlags, target *url.URL) (simulator.ClientConfig, error) {
	var config simulator.ClientConfig
	switch {
	case f.given() && target.Scheme != "https":
		return config, usagef("--to https://…", "%s is about TLS, and the target is http://", f.first())
	case f.MTLS && (f.ClientCert != "" || f.ClientKey != ""):
		return config, usagef("leave one of them out", "--mtls brings its own certificate, --client-cert names another")
	case (f.ClientCert == "") != (f.ClientKey == ""):
		return config, usagef("--client-cert FILE --client-key FILE", "a client certificate and its key go together")
	}
	var err error
	if f.CACert != "" {
		if config.ExtraCAs, err = readPEM(f.CACert); err != nil {
			return config, fmt.Errorf("--cacert: %w", err)
		}
	}
	if f.MTLS {
		own, err := c.standIn()
		if err != nil {
			return config, err
		}
		f.ClientCert, f.ClientKey = own.Cert, own.Key
	}
	if f.ClientCert == "" {
		return config, nil
	}
	chain, err := readPEM(f.ClientCert)
	if err != nil {
		return config, fmt.Errorf("--client-cert: %w", err)
	}
	key, err := readPEM(f.ClientKey)
	if err != nil {
		return config, fmt.Errorf("--client-key: %w", err)
	}
	certificate, err := simulator.ParseClientCertificate(chain, key)
	if err != nil {
		return config, err
	}
	config.Certificates = append(config.Certificates, certificate)
	return config, nil
}

func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxPEM+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxPEM:
		return nil, errors.New("the file is larger than any certificate")
	}
	return data, nil
}
