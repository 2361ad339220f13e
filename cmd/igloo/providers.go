package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
)

// providerFlags are the flags of listen that belong to one way of getting a public
// URL or another.
type providerFlags struct {
	PublicURL       string
	MTLSCA          string
	NgrokURL        string
	NgrokPolicy     string
	NgrokPooling    bool
	NgrokMetadata   string
	NgrokConnectURL string
	NgrokCA         string
	SSHKey          string
	SSHRemote       string
	Domain          string
	TLSCert         string
	TLSKey          string
	TLSListen       string
	ACMEDirectory   string
	ACMECA          string
}

func (f *providerFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.PublicURL, "public-url", "", "public `URL` of a tunnel or proxy of your own")
	flags.StringVar(&f.MTLSCA, "mtls-ca", "", "require Meta's client certificate, from the CA in `FILE` (direct, or ngrok with --tls-cert)")
	flags.StringVar(&f.NgrokURL, "ngrok-url", "", "ask ngrok for this public `URL`")
	flags.StringVar(&f.NgrokPolicy, "ngrok-policy", "", "ngrok traffic policy in `FILE`")
	flags.BoolVar(&f.NgrokPooling, "ngrok-pooling", false, "share the ngrok URL with others, each of whom gets a part of the deliveries")
	flags.StringVar(&f.NgrokMetadata, "ngrok-metadata", "", "`TEXT` that ngrok's dashboard shows with the URL")
	flags.StringVar(&f.NgrokConnectURL, "ngrok-connect-url", "", "connect to ngrok at `HOST:PORT`")
	flags.StringVar(&f.NgrokCA, "ngrok-ca", "", "trust the certificates in `FILE` when connecting to ngrok")
	flags.StringVar(&f.SSHKey, "ssh-key", "", "log in to the SSH server with the key in `FILE`, not with igloo's own")
	flags.StringVar(&f.SSHRemote, "ssh-remote", "", "ask the SSH server to forward `HOST:PORT`")
	flags.StringVar(&f.Domain, "domain", "", "domain `NAME` that leads to this machine (direct)")
	flags.StringVar(&f.TLSCert, "tls-cert", "", "certificate of the domain, with its chain, in `FILE`")
	flags.StringVar(&f.TLSKey, "tls-key", "", "key of the certificate in `FILE`")
	flags.StringVar(&f.TLSListen, "tls-listen", "", "public `ADDRESS` of --tunnel direct (default \":443\")")
	flags.StringVar(&f.ACMEDirectory, "acme-directory", "", "get certificates from the ACME directory at `URL`, not from Let's Encrypt")
	flags.StringVar(&f.ACMECA, "acme-ca", "", "trust the certificates in `FILE` when connecting to the ACME directory")
}

// The names of the tunnels that igloo treats in a way of their own.
const (
	tunnelAuto        = "auto"
	tunnelNone        = "none"
	tunnelManual      = "manual"
	tunnelNgrok       = "ngrok"
	tunnelSSH         = "ssh"
	tunnelCloudflared = "cloudflared"
	tunnelDirect      = "direct"
)

// tunnelKind is the name of a tunnel without what follows its colon.
func tunnelKind(name string) string {
	kind, _, _ := strings.Cut(name, ":")
	return kind
}

// hasOwnURL reports whether a tunnel's URL may be one that the user gives.
func hasOwnURL(name string) bool {
	return slices.Contains([]string{tunnelManual, tunnelSSH}, tunnelKind(name))
}

// provider makes a provider by name.
func (t *tunnels) provider(name string) (tunnel.Provider, error) {
	f := t.session.flags.providerFlags
	dir := t.session.cfg.project.DataDir
	cfg := tunnel.Config{
		PublicURL:   f.PublicURL,
		SSH:         tunnel.SSHConfig{Dir: dir, KeyFile: f.SSHKey, Remote: f.SSHRemote, PublicURL: f.PublicURL},
		Cloudflared: tunnel.CloudflaredConfig{Environ: t.session.cfg.environ()},
		Direct:      tunnel.DirectConfig{Domain: f.Domain, Listen: f.TLSListen, ACME: tunnel.ACMEConfig{Directory: f.ACMEDirectory, Dir: filepath.Join(dir, "acme")}},
		Logger:      t.session.noticed,
	}
	if f.MTLSCA != "" && name != tunnelDirect && name != tunnelNgrok {
		return nil, usagef("use --tunnel direct, or ngrok with --ngrok-url and --tls-cert", "--mtls-ca: with --tunnel %s somebody else decrypts the traffic, and igloo sees no client certificate", clean(name))
	}
	tls, err := f.tls()
	if err != nil {
		return nil, err
	}
	switch name {
	case tunnelDirect:
		cfg.Direct.TLS = tls
		if f.ACMECA != "" {
			cfg.Direct.ACME.CAs, err = readPool(f.ACMECA, "--acme-ca")
		}
	case tunnelNgrok:
		cfg.Ngrok, err = t.ngrok(f, tls)
	}
	if err != nil {
		return nil, err
	}
	p, err := tunnel.New(name, cfg)
	return p, explainProvider(name, err)
}

// tls are the flags for traffic that igloo decrypts.
func (f *providerFlags) tls() (cfg tunnel.TLSConfig, err error) {
	cfg = tunnel.TLSConfig{CertFile: f.TLSCert, KeyFile: f.TLSKey}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return cfg, usagef("give both: --tls-cert FILE --tls-key FILE", "a certificate needs its key, and a key its certificate")
	}
	if f.MTLSCA != "" {
		cfg.ClientCAs, err = readPool(f.MTLSCA, "--mtls-ca")
	}
	return cfg, err
}

// ngrok is the configuration for ngrok.
func (t *tunnels) ngrok(f providerFlags, tls tunnel.TLSConfig) (tunnel.NgrokConfig, error) {
	cfg := tunnel.NgrokConfig{
		Authtoken: t.session.secrets.Authtoken,
		URL:       f.NgrokURL,
		Metadata:  f.NgrokMetadata,
		Pooling:   f.NgrokPooling,
		Server:    tunnel.NgrokServer{ConnectURL: f.NgrokConnectURL},
	}
	if cfg.Authtoken.Empty() {
		return cfg, withHint(errors.New("no ngrok authtoken is known"), "set NGROK_AUTHTOKEN to the token of your ngrok dashboard")
	}
	if tls.CertFile != "" {
		cfg.TLS = &tls
	} else if tls.ClientCAs != nil {
		return cfg, usagef("add --ngrok-url, and its certificate with --tls-cert and --tls-key", "--mtls-ca: igloo sees client certificates only when it decrypts the traffic itself")
	}
	var err error
	if cfg.Policy, err = readOptional(f.NgrokPolicy, "--ngrok-policy"); err != nil {
		return cfg, err
	}
	if f.NgrokCA != "" {
		if cfg.Server.CAs, err = readPool(f.NgrokCA, "--ngrok-ca"); err != nil {
			return cfg, err
		}
	}
	cfg.Server.Proxy, err = ngrokProxy(f.NgrokConnectURL)
	return cfg, err
}

// ngrokServer is where ngrok's agents connect when nothing else is said.
const ngrokServer = "connect.ngrok-agent.com:443"

// ngrokProxy is the proxy that the environment names for the way to ngrok.
func ngrokProxy(connectURL string) (*url.URL, error) {
	if connectURL == "" {
		connectURL = ngrokServer
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: connectURL}})
	if err != nil {
		return nil, usagef("give one: HTTPS_PROXY=http://host:port", "HTTPS_PROXY is not the URL of a proxy")
	}
	return proxy, nil
}

// proxySecret is the password of that proxy, empty when there is none.
func proxySecret(connectURL string) secret.Value {
	proxy, err := ngrokProxy(connectURL)
	if err != nil || proxy == nil {
		return secret.Value{}
	}
	password, _ := proxy.User.Password()
	return secret.New(password)
}

// explainProvider says what a provider lacks in the words of the command line.
func explainProvider(name string, err error) error {
	unknown, isUnknown := errors.AsType[*tunnel.UnknownError](err)
	switch {
	case err == nil:
		return nil
	case isUnknown:
		return usagef(nearestHint(name, append(tunnel.Names(), tunnelAuto), ""), "--tunnel: %s", unknown)
	case errors.Is(err, tunnel.ErrNoSSHServer):
		return usagef("say which, as your traffic goes through it: ssh:"+strings.Join(tunnel.SSHPresets(), ", ssh:")+", or ssh:user@host:port of your own", "--tunnel ssh needs a server")
	case errors.Is(err, tunnel.ErrSSHToken):
		return usagef("", "--tunnel: %s, and igloo takes no secrets on the command line", tunnel.ErrSSHToken)
	case errors.Is(err, tunnel.ErrSSHPassword):
		return usagef("igloo logs in with a key of its own; --ssh-key FILE takes yours", "--tunnel: %s", tunnel.ErrSSHPassword)
	case errors.Is(err, tunnel.ErrNoPublicURL):
		return usagef("add --public-url https://…", "--tunnel %s needs the public URL that leads to it", clean(name))
	case errors.Is(err, tunnel.ErrNoDomain):
		return usagef("add --domain hooks.example.com", "--tunnel direct needs the domain that leads to this machine")
	case errors.Is(err, tunnel.ErrNoTLSURL):
		return usagef("add --ngrok-url with the domain of the certificate", "--tls-cert with ngrok needs --ngrok-url")
	case errors.Is(err, tunnel.ErrNoCloudflared):
		return withHint(errors.New("cloudflared is not installed"), "install it from https://github.com/cloudflare/cloudflared, or take another --tunnel")
	}
	return usagef("", "--tunnel: %s", err)
}

func readOptional(path, flag string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", usagef("", "%s: %s", flag, err)
	}
	return string(data), nil
}

func readPool(path, flag string) (*x509.CertPool, error) {
	data, err := readOptional(path, flag)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(data)) {
		return nil, usagef("it must be a PEM file", "%s: no certificate in %q", flag, path)
	}
	return pool, nil
}

// accountNote is what a service tells about the account, for a line on the screen.
func accountNote(a tunnel.Account) string {
	var parts []string
	for _, part := range []struct{ label, text string }{{"account ", a.Name}, {"plan ", a.Plan}, {"region ", a.Region}} {
		if part.text != "" {
			parts = append(parts, part.label+oneLine(part.text))
		}
	}
	note := strings.Join(parts, ", ")
	if a.Banner != "" {
		note = strings.TrimPrefix(fmt.Sprintf("%s; %s", note, oneLine(a.Banner)), "; ")
	}
	return note
}
